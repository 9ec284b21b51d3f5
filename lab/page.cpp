#include <array>
#include <lab/experiment_json.hpp>
#include <lab/metric.hpp>
#include <lab/page_pieces.hpp>
#include <lab/report.hpp>
#include <pages/page.hpp>

namespace axvm::lab {
namespace {

using Json = nlohmann::ordered_json;

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
  const std::array gaps{
      pages::Gap{"@TITLE@", pages::as_html(experiment.title)},
      pages::Gap{"@ABOUT@", pages::as_html(experiment.about)},
      pages::Gap{"@EXPERIMENT@", pages::as_script(page_data(experiment, results).dump())}};
  return pages::filled(page_pieces(), gaps);
}

}  // namespace axvm::lab
