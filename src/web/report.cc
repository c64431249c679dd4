// SPDX-License-Identifier: Apache-2.0
#include "headrace/web/report.h"

#include "headrace/base/digest.h"
#include "headrace/base/text.h"
#include "web/assets.h"
#include "web/report_data.h"

namespace headrace::web {
namespace {

std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) word = word << 8 | (i + k < bytes.size() ? bytes[i + k] : 0);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kDigits[word >> (18 - 6 * k) & 63];
  }
  return out;
}

// JSON that may stand inside a script element: no '<' can end it.
std::string embedded(const config::Value& data) {
  std::string out;
  for (const char character : to_json(data)) {
    if (character == '<') {
      out += "\\u003c";
    } else {
      out += character;
    }
  }
  return out;
}

// Nothing may be fetched, and only the script with this digest may run.
std::string policy() {
  const Digest digest = sha256(kReportJs);
  return cat("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-", base64(digest.bytes),
             "'; base-uri 'none'; form-action 'none'");
}

std::string section(std::string_view id, std::string_view title, std::string_view inside) {
  return cat("<section id=\"", id, "\"><h2>", title, "</h2>", inside, "</section>\n");
}

std::string fact(std::string_view name, std::string_view value) {
  return cat("<tr><th>", name, "</th><td>", html_escape(value), "</td></tr>");
}

std::string provenance(const exec::RecordedRun& run) {
  std::string rows = fact("run", run.id);
  rows += fact("pipeline file", run.file);
  rows += fact("seed", std::to_string(run.report.seed));
  rows += fact("plan", run.plan->digest().hex());
  rows += fact("command", join(run.command, " "));
  return cat("<table class=\"plain\">", rows, "</table><p>Run it again from nothing and compare every object:</p><pre>headrace replay ",
             html_escape(run.id), "</pre><p>Where one object came from:</p><pre>headrace explain ", html_escape(run.id),
             " NODE@FOLD</pre>");
}

}  // namespace

std::string report_html(const exec::RecordedRun& run, const graph::Catalogue& catalogue, const ReportOptions& options) {
  const std::string title = html_escape(cat(run.report.pipeline, " - ", run.id));
  std::string page =
      cat("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"",
          policy(), "\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>", title, "</title>\n<style>\n",
          kReportCss, "</style></head>\n<body>\n<header><h1>", html_escape(run.report.pipeline), "</h1><span class=\"status ",
          html_escape(run.report.status), "\">", html_escape(run.report.status), "</span><div id=\"facts\"></div></header>\n<main>\n",
          "<noscript><p>The tables and drawings of this page need JavaScript; <code>headrace show</code> prints them.</p></noscript>\n");
  page += section("failures", "Failures", "");
  page += section("ranking", "Pipelines, ranked", "");
  page += section("parameters", "Parameters", "");
  page += section("graph", "Graph", cat("<div class=\"scroll\">", to_svg(run.plan->expanded, node_marks(run)), "</div>"));
  page += section("timeline", "Workers over time", "");
  page += section("confusion", "Confusion matrix", "");
  page += section("provenance", "Provenance", provenance(run));
  page += cat("</main>\n<div id=\"tip\" hidden></div>\n<script type=\"application/json\" id=\"data\">",
              embedded(report_data(run, catalogue, options)), "</script>\n<script>", kReportJs, "</script>\n</body></html>\n");
  return page;
}

}  // namespace headrace::web
