#include <lab/experiment_json.hpp>
#include <lab/metric.hpp>
#include <lab/page_pieces.hpp>
#include <lab/report.hpp>

namespace axvm::lab {
namespace {

using Json = nlohmann::ordered_json;

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

std::string as_html(const std::string& text) {
  return replaced(replaced(replaced(text, "&", "&amp;"), "<", "&lt;"), ">", "&gt;");
}

// Inside a script element only "<" can mean anything but JSON, and JSON has it in strings only.
std::string as_script(const Json& document) { return replaced(document.dump(), "<", "\\u003c"); }

Json page_data(const Experiment& experiment, std::span<const Result> results) {
  Json document = describe(experiment);
  Json& list = document["metrics"] = Json::array();
  for (const Metric& metric : metrics()) {
    Json values = Json::array();
    for (const Result& result : results) values.push_back(metric.of(result.counters));
    list.push_back({{"name", metric.name}, {"about", metric.about}, {"values", std::move(values)}});
  }
  return document;
}

}  // namespace

std::string page_text(const Experiment& experiment, std::span<const Result> results) {
  std::string text;
  for (const std::string_view piece : page_pieces()) {
    if (piece == "@TITLE@") {
      text += as_html(experiment.title);
    } else if (piece == "@ABOUT@") {
      text += as_html(experiment.about);
    } else if (piece == "@EXPERIMENT@") {
      text += as_script(page_data(experiment, results));
    } else {
      text += piece;
    }
  }
  return text;
}

}  // namespace axvm::lab
