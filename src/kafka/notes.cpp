#include "kafka/notes.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace admitone::kafka {
namespace {

struct Book {
  std::mutex mutex;
  std::map<const rd_kafka_s*, Notes> notes;
};

// Never destroyed: clients may outlive static objects.
Book& book() {
  static auto* const only = new Book;
  return *only;
}

// Says that a certificate was refused, not why.
bool without_reason(std::string_view complaint) {
  return complaint.find("certificate verify failed") != std::string_view::npos ||
         complaint.find("brokers are down") != std::string_view::npos;
}

}  // namespace

void keep_notes(const rd_kafka_s* client, Notes notes) {
  const std::scoped_lock lock(book().mutex);
  book().notes[client] = std::move(notes);
}

Notes notes_of(const rd_kafka_s* client) {
  const std::scoped_lock lock(book().mutex);
  const auto found = book().notes.find(client);
  return found == book().notes.end() ? Notes{} : found->second;
}

void note_complaint(const rd_kafka_s* client, std::string_view complaint) {
  const std::scoped_lock lock(book().mutex);
  const auto found = book().notes.find(client);
  if (found == book().notes.end()) return;
  // "[thrd:NAME]: " is of use to nobody.
  if (complaint.starts_with("[thrd:")) complaint.remove_prefix(complaint.find("]: ") + 3);
  auto& kept = found->second.complaint;
  if (kept.empty() || !without_reason(complaint)) kept = std::string(complaint);
}

Notes drop_notes(const rd_kafka_s* client) {
  const std::scoped_lock lock(book().mutex);
  const auto found = book().notes.find(client);
  if (found == book().notes.end()) return {};
  Notes out = std::move(found->second);
  book().notes.erase(found);
  return out;
}

}  // namespace admitone::kafka
