#include "kafka/effective.hpp"

#include <librdkafka/rdkafka.h>

#include <memory>

#include "kafka/handles.hpp"
#include "kafka/settings.hpp"

namespace admitone::kafka {

std::string effective(const Security& security, const std::map<std::string, std::string>& options,
                      const char* name) {
  const std::unique_ptr<rd_kafka_conf_s, Release> trial(rd_kafka_conf_new());
  for (const auto& given : {options_of(security), options}) {
    for (const auto& [option, value] : given) {
      // No client gets them, and one of them would load code here and now.
      if (refused_options().contains(option)) continue;
      char ignored[8];
      rd_kafka_conf_set(trial.get(), option.c_str(), value.c_str(), ignored, sizeof(ignored));
    }
  }
  char value[128] = "";
  std::size_t size = sizeof(value);
  const auto got = rd_kafka_conf_get(trial.get(), name, value, &size);
  return got == RD_KAFKA_CONF_OK ? value : "";
}

}  // namespace admitone::kafka
