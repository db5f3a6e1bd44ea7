// What of an Anchor IDL can be expressed, and what is said about the rest.

#include "solana/anchor_registry.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "kit.hpp"
#include "solana/address.hpp"
#include "solana/idl.hpp"

namespace admitone::solana {
namespace {

Json our_idl() {
  const char* root = std::getenv("ADMITONE_SOURCE_DIR");
  std::ifstream file(std::string(root != nullptr ? root : ".") +
                     "/schemas/solana/ticketing_idl.json");
  return Json::parse(file);
}

Settings anchor() {
  Settings settings;
  settings.registry = RegistryKind::anchor;
  settings.program_id = "GW1LH6KaM4qmnt7cSZmbNuNpxC55QwubWDaoinacoVty";
  return settings;
}

// Why an IDL is refused; empty when it is taken.
std::string refusal(const Json& idl) {
  const auto made = anchor_registry_of(idl.dump(), anchor());
  return made.ok() ? "" : made.error().message;
}

struct Change {
  const char* at;  // JSON pointer in our IDL
  Json to;
  const char* says;
};

TEST(AnchorRegistry, takes_our_own_idl_and_builds_what_it_says) {
  const auto registry = anchor_registry_of(our_idl().dump(), anchor());
  ASSERT_TRUE(registry.ok()) << registry.error().message;
  auto record = test_record();
  const auto made = (*registry)->plan(record, test_wallet().address(), 0).value();
  ASSERT_EQ(made.instructions.size(), 1U);
  const auto& instruction = made.instructions[0];
  EXPECT_EQ(base58(instruction.program), anchor().program_id);
  EXPECT_EQ(instruction.accounts[0], (AccountUse{made.guard, false, true}));
  EXPECT_EQ(instruction.accounts[1], (AccountUse{test_wallet().address(), true, true}));
  EXPECT_EQ(instruction.data.substr(0, 8), global_discriminator("create_event"));
  // The option's tag, two numbers and two keys are the end; without royalties it is the tag.
  const std::size_t royalties = 1 + 2 + 2 + 32 + 32;
  EXPECT_EQ(instruction.data.substr(instruction.data.size() - royalties, 5),
            std::string("\1\xf4\1\xfa\0", 5));
  record.royalties.reset();
  const auto without = (*registry)->plan(record, test_wallet().address(), 0).value();
  EXPECT_EQ(without.instructions[0].data.size(), instruction.data.size() - royalties + 1);
  EXPECT_EQ(without.instructions[0].data.back(), '\0');
  EXPECT_EQ(without.guard, made.guard);
}

TEST(AnchorRegistry, makes_another_account_for_a_cancellation) {
  const auto registry = anchor_registry_of(our_idl().dump(), anchor()).value().release();
  const std::unique_ptr<Registry> held(registry);
  auto record = test_record();
  const auto created = held->plan(record, Key{}, 0).value();
  record.action = ports::ChainAction::cancel_event;
  const auto cancelled = held->plan(record, Key{}, 0).value();
  EXPECT_NE(cancelled.guard, created.guard);
  EXPECT_EQ(cancelled.instructions[0].accounts[0], (AccountUse{created.guard, false, false}));
  EXPECT_EQ(cancelled.instructions[0].accounts[1], (AccountUse{cancelled.guard, false, true}));
}

TEST(AnchorRegistry, computes_a_discriminator_that_the_idl_does_not_have) {
  auto idl = our_idl();
  const auto with = parse_idl(idl.dump()).value().create_event.discriminator;
  idl["instructions"][0].erase("discriminator");
  EXPECT_EQ(parse_idl(idl.dump()).value().create_event.discriminator, with);
  idl["instructions"][0]["discriminator"] = {1, 2, 3};
  EXPECT_EQ(parse_idl(idl.dump()).value().create_event.discriminator, "\1\2\3");
}

TEST(AnchorRegistry, says_what_of_an_idl_it_cannot_express) {
  const Json argument{{"name", "seats"}, {"type", "u64"}};
  const std::vector<Change> changes{
      {"/instructions/0/name", "make_event", "there is no 'create_event'"},
      {"/instructions/1/name", "drop_event", "there is no 'cancel_event'"},
      {"/instructions/0/discriminator/0", 256, "not a list of bytes"},
      {"/instructions/0/args/-", argument, "argument 'seats' is none that a record"},
      {"/instructions/0/args/0/type", "f64", "argument 'tenant': type 'f64' cannot be expressed"},
      {"/instructions/0/args/0/type", {{"vec", "u8"}}, "argument 'tenant': type"},
      {"/instructions/0/args/0/type", {{"array", {"u16", 8}}}, "only those of u8"},
      {"/instructions/0/args/0/type", {{"array", {"u8", 15}}}, "has 16 bytes, not 15"},
      {"/instructions/0/args/0/type", "u64", "argument 'tenant' is not a number"},
      {"/instructions/0/args/5/type",
       {{"defined", {{"name", "Nothing"}}}},
       "'Nothing' is not defined"},
      {"/instructions/0/args/5/type", {{"defined", {{"name", "Royalties"}}}}, "is no option"},
      {"/types/0/type/kind", "enum", "'Royalties' is not a plain struct"},
      {"/types/0/type/fields/0/type", "u8", "argument 'artist_bps' does not fit"},
      {"/types/0/type/fields/0", "u16", "a struct without names"},
      {"/types/0/type/fields/0/type", {{"defined", {{"name", "Royalties"}}}}, "nested too deep"},
      {"/instructions/0/accounts/0/pda/seeds/1/path", "owner", "seed 'owner' is no argument"},
      {"/instructions/0/accounts/0/pda/seeds/1/path", "event_hash", "must have 'tenant' among"},
      {"/instructions/0/accounts/0/pda/seeds/1",
       {{"kind", "account"}, {"path", "event.tenant"}},
       "is on the chain only"},
      {"/instructions/0/accounts/0/pda/seeds/0",
       {{"kind", "account"}, {"path", "nobody"}},
       "seed 'nobody' is no account"},
      {"/instructions/0/accounts/0/pda/seeds/0",
       {{"kind", "account"}, {"path", "event"}},
       "seeds that end"},
      {"/instructions/0/accounts/0/pda/seeds/0/value", std::vector<int>(33, 1),
       "more than 32 bytes"},
      {"/instructions/0/accounts/0/pda/program", Json::object(), "derived from another program"},
      {"/instructions/0/accounts/0/writable", false, "must be there, writable"},
      {"/instructions/0/accounts/0/name", "show",
       "account 'event' of 'create_event' must be there"},
      {"/instructions/0/accounts/1/signer", false, "'authority' of 'create_event' is no signer"},
      {"/instructions/0/accounts/1/optional", true, "optional accounts"},
      {"/instructions/0/accounts/1/isMut", true, "before 0.30"},
      {"/instructions/0/accounts/1/accounts", Json::array(), "groups of accounts"},
      {"/instructions/0/accounts/2/address", "system", "its address is none"},
      {"/instructions/0/accounts", nullptr, ""},
  };
  for (const auto& change : changes) {
    auto idl = our_idl();
    const Json::json_pointer at(change.at);
    if (std::string_view(change.at).ends_with("-"))
      idl[at.parent_pointer()].push_back(change.to);
    else
      idl[at] = change.to;
    const auto why = refusal(idl);
    EXPECT_NE(why, "") << change.at;
    EXPECT_NE(why.find(change.says), std::string::npos) << change.at << ": " << why;
  }
}

TEST(AnchorRegistry, expresses_arguments_in_a_struct_and_ids_as_text) {
  auto idl = our_idl();
  auto& create = idl["instructions"][0];
  idl["types"].push_back({{"name", "Args"},
                          {"type",
                           {{"kind", "struct"},
                            {"fields",
                             {{{"name", "tenant"}, {"type", {{"array", {"u8", 16}}}}},
                              {{"name", "venue"}, {"type", {{"array", {"u8", 32}}}}},
                              {{"name", "event"}, {"type", {{"array", {"u8", 16}}}}},
                              {{"name", "event_hash"}, {"type", "string"}}}}}}});
  create["args"] = {{{"name", "args"}, {"type", {{"defined", {{"name", "Args"}}}}}}};
  for (std::size_t i = 1; i <= 3; ++i) {
    auto& path = create["accounts"][0]["pda"]["seeds"][i]["path"];
    path = "args." + path.get<std::string>();
  }
  const auto registry = anchor_registry_of(idl.dump(), anchor());
  ASSERT_TRUE(registry.ok()) << registry.error().message;
  const auto plain = anchor_registry_of(our_idl().dump(), anchor());
  const auto made = (*registry)->plan(test_record(), Key{}, 0).value();
  EXPECT_EQ(made.guard, (*plain)->plan(test_record(), Key{}, 0).value().guard);
  EXPECT_EQ(made.instructions[0].data.substr(8 + 16 + 32 + 16),
            std::string("\x40\0\0\0", 4) +
                "07070707070707070707070707070707070707070707070707070707"
                "07070707");
}

TEST(AnchorRegistry, refuses_one_record_whose_wallet_is_no_key) {
  const auto registry = anchor_registry_of(our_idl().dump(), anchor());
  auto record = test_record();
  record.royalties->artist_wallet = "not a key";
  const auto made = (*registry)->plan(record, Key{}, 0);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message.find("artist_wallet"), std::string::npos);
}

TEST(AnchorRegistry, names_the_file_or_the_setting_that_is_wrong) {
  auto settings = anchor();
  settings.idl_file = "/nowhere/idl.json";
  EXPECT_NE(make_registry(settings).error().message.find("/nowhere/idl.json"), std::string::npos);
  const Folder folder;
  settings.idl_file = folder.file("idl.json", "not json");
  EXPECT_NE(make_registry(settings).error().message.find("not an IDL"), std::string::npos);
  settings.program_id = "mine";
  EXPECT_NE(anchor_registry_of(our_idl().dump(), settings).error().message.find("'mine'"),
            std::string::npos);
}

}  // namespace
}  // namespace admitone::solana
