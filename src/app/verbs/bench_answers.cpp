#include "app/verbs/bench_answers.hpp"

#include <utility>

#include "app/verbs/bench_input.hpp"
#include "app/verbs/produce_core.hpp"

namespace admitone::app::bench {

Answers::Answers(const RatePlan& plan, std::vector<std::chrono::nanoseconds> due, FaultOf fault_of,
                 IsApart is_apart)
    : plan_(plan),
      due_(std::move(due)),
      fault_of_(std::move(fault_of)),
      is_apart_(std::move(is_apart)) {
  times_.reserve(due_.size());
}

void Answers::take(const base::Record& outcome, base::Instant now) {
  const auto number = command_number(header_of(outcome, "ce_causationid").value_or(""));
  if (!number || *number >= due_.size()) return;
  ++outcomes_[header_of(outcome, "ce_type").value_or("")];
  const auto at = now - began_.load();
  if (at >= plan_.lead_in && at < plan_.lead_in + plan_.length) ++in_steady_part_;
  if (due_[*number] < plan_.lead_in) return;
  const double took = std::chrono::duration<double, std::milli>(at - due_[*number]).count();
  times_.push_back(took);
  if (is_apart_(static_cast<std::int64_t>(*number))) apart_.push_back(took);
}

double Answers::steady_per_second() const {
  const std::chrono::duration<double> length = plan_.length;
  return length.count() > 0 ? static_cast<double>(in_steady_part_) / length.count() : 0;
}

std::map<Fault, std::int64_t> Answers::faults() const {
  std::map<Fault, std::int64_t> out;
  for (std::size_t i = 0; i < due_.size(); ++i) ++out[fault_of_(static_cast<std::int64_t>(i))];
  return out;
}

}  // namespace admitone::app::bench
