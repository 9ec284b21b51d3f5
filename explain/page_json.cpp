#include <fmt/format.h>

#include <array>
#include <explain/decode.hpp>
#include <explain/page_json.hpp>
#include <explain/page_pieces.hpp>
#include <explain/registers.hpp>
#include <pages/page.hpp>

namespace axvm::explain {

namespace {

Json fields_json(const Part& part) {
  Json fields = Json::array();
  for (const DecodedField& field : part.fields) {
    fields.push_back({{"high", field.field->high},
                      {"low", field.field->low},
                      {"name", field.field->name},
                      {"value", value_text(field)},
                      {"about", field.field->about},
                      {"meaning", field.meaning}});
  }
  return fields;
}

}  // namespace

Json to_json(const PageWords& words) {
  return {{"stages", {words.first_stage, words.second_stage}},
          {"spaces", {words.first_space, words.second_space}},
          {"entry", words.entry},
          {"block", words.block},
          {"levelStep", words.levels_ascend ? 1 : -1}};
}

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

Json word_json(const Layout& layout, std::uint64_t word) {
  const Part part = decode(layout, word).front();
  return {{"word", fmt::format("{:#018x}", word)},
          {"title", layout.title},
          {"section", layout.section},
          {"fields", fields_json(part)}};
}

Json register_json(std::string_view name, std::uint64_t value) {
  Json json = word_json(find_register(name)->layout(value), value);
  json["name"] = name;
  return json;
}

std::string filled_page(const std::string& title, const Json& walk) {
  const std::array gaps{pages::Gap{"@TITLE@", pages::as_html(title)},
                        pages::Gap{"@WALK@", pages::as_script(walk.dump())}};
  return pages::filled(page_pieces(), gaps);
}

}  // namespace axvm::explain
