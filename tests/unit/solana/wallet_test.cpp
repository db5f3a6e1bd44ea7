// Which wallet files are taken, and that no refusal shows a byte of the key.

#include "solana/wallet.hpp"

#include <gtest/gtest.h>
#include <sodium.h>
#include <unistd.h>

#include "kit.hpp"

namespace admitone::solana {
namespace {

std::string text_of(const std::vector<int>& bytes) {
  return Json(bytes).dump();
}

std::string refusal(const std::string& path) {
  const auto wallet = Wallet::load(path);
  if (wallet.ok()) return "taken";
  EXPECT_EQ(wallet.error().kind, base::ErrorKind::permanent);
  EXPECT_NE(wallet.error().message.find(path), std::string::npos);
  auto message = wallet.error().message;
  message.erase(message.find(path), path.size());
  return message;
}

TEST(Wallet, of_rfc_8032_has_its_address_and_signs_as_written_there) {
  const auto wallet = test_wallet();
  EXPECT_EQ(base58(wallet.address()), "FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z");
  const auto signature = wallet.sign("");
  EXPECT_EQ(signature[0], 0xe5);
  EXPECT_EQ(signature[1], 0x56);
  EXPECT_EQ(signature[62], 0x10);
  EXPECT_EQ(signature[63], 0x0b);
  const auto other = wallet.sign("message");
  EXPECT_EQ(
      crypto_sign_verify_detached(other.data(), reinterpret_cast<const unsigned char*>("message"),
                                  7, wallet.address().data()),
      0);
}

TEST(Wallet, is_taken_from_a_file_that_only_we_can_read) {
  const Folder folder;
  for (const mode_t mode : {0600, 0400})
    EXPECT_EQ(refusal(folder.file("w" + std::to_string(mode), text_of(wallet_bytes()), mode)),
              "taken");
  EXPECT_EQ(refusal(folder.file("spaced", Json(wallet_bytes()).dump(2) + "\n")), "taken");
}

TEST(Wallet, is_refused_when_others_could_read_it) {
  const Folder folder;
  for (const mode_t mode : {0644, 0640, 0660, 0604, 0666, 0700, 0601, 04600}) {
    const auto why =
        refusal(folder.file("w" + std::to_string(mode), text_of(wallet_bytes()), mode));
    EXPECT_NE(why.find("make it 0600"), std::string::npos) << why;
  }
}

TEST(Wallet, is_refused_when_it_is_not_a_file_of_ours) {
  const Folder folder;
  const auto file = folder.file("wallet.json", text_of(wallet_bytes()));
  const auto link = folder.path() + "/link";
  ASSERT_EQ(::symlink(file.c_str(), link.c_str()), 0);
  EXPECT_NE(refusal(link).find("symbolic link"), std::string::npos);
  const auto pipe = folder.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_NE(refusal(pipe).find("not a regular file"), std::string::npos);
  EXPECT_NE(refusal(folder.path()).find("not a regular file"), std::string::npos);
  EXPECT_NE(refusal(folder.path() + "/none").find("cannot be opened"), std::string::npos);
}

TEST(Wallet, is_refused_when_it_belongs_to_somebody_else) {
  const Folder folder;
  // Only root can give a file away; for others there is one of root's.
  std::string path = "/etc/passwd";
  if (::geteuid() == 0) {
    path = folder.file("wallet.json", text_of(wallet_bytes()));
    ASSERT_EQ(::chown(path.c_str(), 12345, static_cast<gid_t>(-1)), 0);
  }
  EXPECT_NE(refusal(path).find("belongs to user"), std::string::npos);
}

TEST(Wallet, is_refused_when_it_is_not_64_bytes_of_json) {
  const Folder folder;
  auto longer = wallet_bytes();
  longer.push_back(1);
  auto shorter = wallet_bytes();
  shorter.pop_back();
  auto wide = wallet_bytes();
  wide[3] = 256;
  auto negative = wallet_bytes();
  negative[3] = -1;
  auto text = Json(wallet_bytes());
  text[5] = "7";
  auto fraction = Json(wallet_bytes());
  fraction[5] = 7.5;
  const auto good = text_of(wallet_bytes());
  const std::vector<std::string> all{text_of(longer),
                                     text_of(shorter),
                                     text_of(wide),
                                     text_of(negative),
                                     text.dump(),
                                     fraction.dump(),
                                     "",
                                     "[",
                                     "{}",
                                     "[" + good + "]",
                                     good + good,
                                     good.substr(0, good.size() - 1),
                                     R"({"key":)" + good + "}",
                                     "FVen3X669xLzsi6N2V91DoiyzHzg1uAg",
                                     std::string(100, '['),
                                     "[[]," + good.substr(1)};
  for (const auto& wrong : all) {
    const auto why = refusal(folder.file("wallet.json", wrong));
    EXPECT_EQ(why, "wallet file '' is not a JSON array of 64 numbers from 0 to 255") << wrong;
  }
  EXPECT_NE(refusal(folder.file("large", std::string(5000, ' '))).find("too large"),
            std::string::npos);
}

TEST(Wallet, is_refused_when_its_halves_do_not_fit) {
  const Folder folder;
  for (const std::size_t at : {0U, 31U, 32U, 63U}) {
    auto changed = wallet_bytes();
    changed[at] ^= 1;
    EXPECT_NE(refusal(folder.file("wallet.json", text_of(changed))).find("does not fit together"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace admitone::solana
