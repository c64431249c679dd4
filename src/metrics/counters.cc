// SPDX-License-Identifier: Apache-2.0
#include "headrace/metrics/counters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>

#include "headrace/base/check.h"
#include "headrace/base/text.h"

namespace headrace::metrics {
namespace {

enum class InstrumentKind { kCounter, kGauge, kHistogram };
constexpr std::string_view kKindNames[] = {"counter", "gauge", "histogram"};

bool is_name(std::string_view name, bool colon) {
  const auto letter = [&](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':'); };
  if (name.empty() || !letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// One series: the instrument of a name with one set of labels.
struct Series {
  Labels labels;
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
};

struct Family {
  InstrumentKind kind;
  std::string help;
  std::vector<double> bounds;
  std::vector<std::unique_ptr<Series>> series;
};

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string sample_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return number_text(value);
}

// {a="b",le="0.5"}, or nothing without labels.
std::string label_text(const Labels& labels, std::string_view le = {}) {
  std::string out;
  for (const auto& [name, value] : labels) out += cat(out.empty() ? "{" : ",", name, "=\"", escaped(value, true), '"');
  if (!le.empty()) out += cat(out.empty() ? "{" : ",", "le=\"", le, '"');
  return out.empty() ? out : out + "}";
}

void write_histogram(std::string& out, const std::string& name, const Series& series) {
  const std::vector<std::uint64_t> buckets = series.histogram->buckets();
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    below += buckets[i];
    const std::string bound = i < series.histogram->bounds().size() ? sample_number(series.histogram->bounds()[i]) : "+Inf";
    out += cat(name, "_bucket", label_text(series.labels, bound), ' ', below, '\n');
  }
  out += cat(name, "_sum", label_text(series.labels), ' ', sample_number(series.histogram->sum()), '\n');
  out += cat(name, "_count", label_text(series.labels), ' ', below, '\n');   // the same loads, so it equals the +Inf bucket
}

config::Value series_value(const std::string& name, const Family& family, const Series& series) {
  config::Value out{config::Map{}};
  out.set("name", name);
  out.set("kind", std::string(kKindNames[static_cast<std::size_t>(family.kind)]));
  config::Value labels{config::Map{}};
  for (const auto& [label, value] : series.labels) labels.set(label, value);
  out.set("labels", std::move(labels));
  switch (family.kind) {
    case InstrumentKind::kCounter: out.set("value", static_cast<std::int64_t>(series.counter->value())); break;
    case InstrumentKind::kGauge: out.set("value", series.gauge->value()); break;
    case InstrumentKind::kHistogram: {
      const std::vector<std::uint64_t> counts = series.histogram->buckets();
      config::List bounds, buckets;
      for (const double bound : series.histogram->bounds()) bounds.emplace_back(bound);
      for (const std::uint64_t count : counts) buckets.emplace_back(static_cast<std::int64_t>(count));
      out.set("count", static_cast<std::int64_t>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0})));
      out.set("sum", series.histogram->sum());
      out.set("bounds", std::move(bounds));
      out.set("buckets", std::move(buckets));
    }
  }
  return out;
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  HEADRACE_CHECK(std::adjacent_find(bounds_.begin(), bounds_.end(), [](double a, double b) { return !(a < b); }) == bounds_.end(),
                 "bounds of a histogram must rise");
}

void Histogram::observe(double value) {
  const std::size_t bucket = std::isnan(value)
                                 ? bounds_.size()
                                 : static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
  const std::vector<std::uint64_t> counts = buckets();
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::vector<std::uint64_t> Histogram::buckets() const {
  std::vector<std::uint64_t> out;
  for (const auto& count : counts_) out.push_back(count.load(std::memory_order_relaxed));
  return out;
}

double Histogram::quantile(double share) const {
  const std::vector<std::uint64_t> counts = buckets();
  const std::uint64_t total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (total == 0 || bounds_.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double rank = std::clamp(share, 0.0, 1.0) * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    const double inside = static_cast<double>(counts[i]);
    if (inside > 0 && below + inside >= rank) {
      const double low = i > 0 ? bounds_[i - 1] : std::min(0.0, bounds_[0]);
      return low + (bounds_[i] - low) * (rank - below) / inside;
    }
    below += inside;
  }
  return bounds_.back();   // above the last bound nothing finer is known
}

std::vector<double> exponential_bounds(double first, double factor, int count) {
  HEADRACE_CHECK(first > 0 && factor > 1 && count > 0, "exponential bounds need first > 0, factor > 1, count > 0");
  std::vector<double> out;
  double bound = first;
  for (int i = 0; i < count; ++i, bound *= factor) out.push_back(bound);
  return out;
}

struct Registry::Impl {
  mutable std::mutex mutex;                          // guards the maps and vectors, not the instruments
  std::map<std::string, Family, std::less<>> families;

  Series& series(std::string_view name, std::string_view help, InstrumentKind kind, std::vector<double> bounds, const Labels& labels) {
    const std::lock_guard lock(mutex);
    auto found = families.find(name);
    if (found == families.end()) {
      HEADRACE_CHECK(is_name(name, true), cat("not a metric name: ", name));
      found = families.emplace(std::string(name), Family{kind, std::string(help), std::move(bounds), {}}).first;
    }
    Family& family = found->second;
    HEADRACE_CHECK(family.kind == kind, cat("metric ", name, " is used as two kinds"));
    for (const auto& one : family.series) {
      if (one->labels == labels) return *one;
    }
    for (const auto& [label, value] : labels) HEADRACE_CHECK(is_name(label, false) && label != "le", cat("not a label name: ", label));
    auto made = std::make_unique<Series>();
    made->labels = labels;
    switch (kind) {
      case InstrumentKind::kCounter: made->counter = std::make_unique<Counter>(); break;
      case InstrumentKind::kGauge: made->gauge = std::make_unique<Gauge>(); break;
      case InstrumentKind::kHistogram: made->histogram = std::make_unique<Histogram>(family.bounds); break;
    }
    return *family.series.emplace_back(std::move(made));
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return *impl_->series(name, help, InstrumentKind::kCounter, {}, labels).counter;
}
Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return *impl_->series(name, help, InstrumentKind::kGauge, {}, labels).gauge;
}
Histogram& Registry::histogram(std::string_view name, std::string_view help, std::vector<double> bounds, const Labels& labels) {
  return *impl_->series(name, help, InstrumentKind::kHistogram, std::move(bounds), labels).histogram;
}

config::Value Registry::snapshot() const {
  const std::lock_guard lock(impl_->mutex);
  config::List out;
  for (const auto& [name, family] : impl_->families) {
    for (const auto& series : family.series) out.push_back(series_value(name, family, *series));
  }
  return out;
}

std::string Registry::prometheus() const {
  const std::lock_guard lock(impl_->mutex);
  std::string out;
  for (const auto& [name, family] : impl_->families) {
    out += cat("# HELP ", name, ' ', escaped(family.help, false), '\n');
    out += cat("# TYPE ", name, ' ', kKindNames[static_cast<std::size_t>(family.kind)], '\n');
    for (const auto& series : family.series) {
      switch (family.kind) {
        case InstrumentKind::kCounter: out += cat(name, label_text(series->labels), ' ', series->counter->value(), '\n'); break;
        case InstrumentKind::kGauge: out += cat(name, label_text(series->labels), ' ', sample_number(series->gauge->value()), '\n'); break;
        case InstrumentKind::kHistogram: write_histogram(out, name, *series); break;
      }
    }
  }
  return out;
}

}  // namespace headrace::metrics
