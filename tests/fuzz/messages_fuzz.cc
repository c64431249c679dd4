// SPDX-License-Identifier: Apache-2.0
// fuzz-build: src/base/*.cc src/config/*.cc src/io/*.cc src/cluster/wire.cc src/cluster/transfer.cc src/cluster/blob.cc
// fuzz-build: src/cluster/worker.proto -lprotobuf-lite -lyaml-cpp -lssl -lcrypto
// Any bytes as a message between a driver and a worker: refused as a breach of the protocol, or a message that is written and read
// again unchanged; recipes, errors and calls also as the types that they stand for. Chunks in any order and size: an object is put
// together from what was accepted, and delivered once to everybody who wanted it. A blob is taken only when it is sealed and as long as
// was said. Errors with any text reach the other side.
//
// First byte: the kind of the frame, or one of the extra kinds below. The rest is its payload.
#include <sys/mman.h>
#include <unistd.h>

#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include "cluster/blob.h"
#include "cluster/transfer.h"
#include "cluster/wire.h"
#include "headrace/base/text.h"

namespace {

using namespace headrace;
using namespace headrace::cluster;

constexpr int kErrorText = 32, kBlob = 33;   // behind the kinds of frames

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Equal messages give equal bytes: maps in order.
std::string written(const google::protobuf::MessageLite& message) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    require(message.SerializeToCodedStream(&coded), "a message can be written");
  }
  return out;
}

bool parses(std::uint16_t kind, std::string_view payload, google::protobuf::MessageLite& message) {
  const io::Frame frame{.kind = kind, .payload = payload, .descriptors = {}};
  const Status parsed = parse(frame, message);
  require(parsed.ok() || parsed.error().code == Code::kProtocol, "what does not parse is a breach of the protocol");
  return parsed.ok();
}

// False when it is refused.
template <class Message>
bool stays(std::uint16_t kind, std::string_view payload, Message& message) {
  if (!parses(kind, payload, message)) return false;
  const std::string once = written(message);
  Message again;
  require(parses(kind, once, again), "what was read can be written and read");
  require(written(again) == once, "a message is the same after it was written and read");
  return true;
}

template <class Message>
void check_plain(std::uint16_t kind, std::string_view payload) {
  Message message;
  stays(kind, payload, message);
}

void check_same(const exec::Recipe& a, const exec::Recipe& b) {
  require(a.op == b.op && a.node == b.node && a.seed == b.seed && a.metrics == b.metrics && a.threads == b.threads &&
              a.folder == b.folder && a.own_fit_output == b.own_fit_output && a.shard.has_value() == b.shard.has_value(),
          "a recipe is the same on the other side");
  require(config::canonical(a.params) == config::canonical(b.params), "parameters are the same on the other side");
  if (!a.shard.has_value()) return;
  require(a.shard->parts == b.shard->parts && config::canonical(a.shard->by) == config::canonical(b.shard->by), "a shard is the same");
}

void check_recipe(std::string_view payload) {
  wire::Recipe message;
  if (!stays(wire::RECIPE, payload, message)) return;
  const auto recipe = from_wire(message);
  if (!recipe.ok()) return;
  require((*recipe)->threads >= 1, "a recipe has threads");
  wire::Recipe out;
  to_wire(**recipe, message.number(), out);
  wire::Recipe received;
  require(parses(wire::RECIPE, written(out), received), "a recipe reaches the other side");
  require(received.number() == message.number(), "a recipe keeps its number");
  const auto again = from_wire(received);
  require(again.ok(), "a recipe that was taken is taken again");
  check_same(**recipe, **again);
}

void check_call(std::string_view payload) {
  wire::Call message;
  if (!stays(wire::CALL, payload, message)) return;
  const auto work = work_of(message, std::make_shared<const exec::Recipe>());
  if (!work.ok()) {
    require(work.error().code == Code::kProtocol, "a phase that is none is a breach of the protocol");
    return;
  }
  require(static_cast<std::uint32_t>(work->phase) == message.phase() && work->piece == message.piece() &&
              work->test_side == message.test_side() && work->wants_output == message.wants_output() &&
              work->output_only == message.output_only(),
          "the work is the one that the call says");
}

// Across the wire: the code and well-formed words stay.
void check_error(const Error& error) {
  wire::Done done;
  to_wire(error, *done.mutable_error());
  wire::Done received;
  require(parses(wire::DONE, written(done), received), "an error reaches the other side, whatever its words are");
  const Error again = from_wire(received.error());
  require(again.code == error.code, "the code of an error stays");
  require(!is_utf8(error.message) || again.message == error.message, "the message of an error stays");
  require(!is_utf8(error.advice) || again.advice == error.advice, "the advice of an error stays");
}

void check_done(std::string_view payload) {
  wire::Done message;
  if (!stays(wire::DONE, payload, message) || !message.has_error()) return;
  const Error error = from_wire(message.error());
  require(error.code != Code::kOk && code_name(error.code) != "Ok", "an error has a code of the catalogue");
  check_error(error);
}

// Payload: a byte that says where the advice begins, then the words.
void check_error_text(std::string_view payload) {
  if (payload.empty()) return;
  const std::size_t cut = std::min<std::size_t>(static_cast<unsigned char>(payload[0]), payload.size() - 1);
  payload.remove_prefix(1);
  check_error(Error(Code::kTaskFailed, std::string(payload.substr(0, cut)), std::string(payload.substr(cut))));
}

// Payload: a byte with how often objects 0 to 3 are wanted (2 bits each), then chunks, each behind its length (u16).
void check_chunks(std::string_view payload) {
  if (payload.empty()) return;
  constexpr std::uint64_t kNumbers = 4;
  Incoming incoming;
  std::map<std::uint64_t, std::string> accepted;
  std::map<std::uint64_t, int> wanted, delivered;
  for (std::uint64_t number = 0; number < kNumbers; ++number) {
    wanted[number] = (static_cast<unsigned char>(payload[0]) >> (2 * number)) & 3;
    for (int i = 0; i < wanted[number]; ++i) {
      const bool first = incoming.want(number, [&, number](Result<exec::Encoded> encoded) {
        ++delivered[number];
        require(!encoded.ok() || encoded->bytes == accepted[number], "an object is what its chunks were");
      });
      require(first == (i == 0), "the first who wants an object asks for it");
    }
  }
  payload.remove_prefix(1);
  bool well = true;
  while (well && payload.size() >= sizeof(std::uint16_t)) {
    std::uint16_t length = 0;
    std::memcpy(&length, payload.data(), sizeof length);
    payload.remove_prefix(sizeof length);
    std::string chunk(payload.substr(0, length));
    payload.remove_prefix(chunk.size());
    std::uint64_t head[3] = {kNumbers, 0, 0};   // number, offset, size
    if (chunk.size() >= sizeof head) {
      // Sizes that fit this machine or none: the address space is not what is looked at here.
      std::memcpy(head, chunk.data(), sizeof head);
      if (head[2] <= std::uint64_t{1} << 40) head[2] &= (1 << 20) - 1;
      std::memcpy(chunk.data(), head, sizeof head);
    }
    const bool waited = wanted.contains(head[0]) && wanted[head[0]] > 0 && delivered[head[0]] == 0;
    if (waited) accepted[head[0]] += chunk.substr(sizeof head);
    const Status taken = incoming.on_chunk(chunk);
    require(taken.ok() || taken.error().code == Code::kProtocol, "a chunk that does not fit is a breach of the protocol");
    well = taken.ok();
    if (well && waited) require(accepted[head[0]].size() <= head[2], "no object is longer than was said");
    if (well && waited) require((delivered[head[0]] > 0) == (accepted[head[0]].size() == head[2]), "a whole object is delivered at once");
  }
  for (std::uint64_t number = 0; number < kNumbers; ++number) {
    require(delivered[number] == 0 || delivered[number] == wanted[number], "everybody who wants an object gets it once");
    incoming.fail(number, Error(Code::kObjectLost, "gone"));
    require(delivered[number] == wanted[number], "nobody waits after a failure");
  }
}

// Payload: seals (3 bits) and one bit for a descriptor that is none, the length that is claimed (u16), then what is there.
void check_blob(std::string_view payload) {
  if (payload.size() < 3) return;
  const unsigned flags = static_cast<unsigned char>(payload[0]);
  std::uint16_t claimed = 0;
  std::memcpy(&claimed, payload.data() + 1, sizeof claimed);
  payload.remove_prefix(3);
  io::Descriptor descriptor((flags & 8) != 0 ? -1 : memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  int seals = 0;
  if (descriptor.open()) {
    require(write(descriptor.get(), payload.data(), payload.size()) == static_cast<ssize_t>(payload.size()), "a memfd takes bytes");
    if ((flags & 1) != 0) seals |= F_SEAL_SHRINK;
    if ((flags & 2) != 0) seals |= F_SEAL_GROW;
    if ((flags & 4) != 0) seals |= F_SEAL_WRITE;
    require(fcntl(descriptor.get(), F_ADD_SEALS, seals) == 0, "a memfd is sealed");
  }
  const bool whole = descriptor.open() && (flags & 7) == 7 && claimed <= payload.size();
  const auto blob = Blob::adopt(std::move(descriptor), claimed);
  require(blob.ok() == whole, "a blob is taken when it is sealed and long enough");
  if (blob.ok()) require((*blob)->bytes() == payload.substr(0, claimed), "a blob shows the bytes that are in it");
}

void check(int kind, std::string_view payload) {
  switch (kind) {
    case wire::HELLO: return check_plain<wire::Hello>(wire::HELLO, payload);
    case wire::WELCOME: return check_plain<wire::Welcome>(wire::WELCOME, payload);
    case wire::REFUSED: return check_plain<wire::Refused>(wire::REFUSED, payload);
    case wire::RECIPE: return check_recipe(payload);
    case wire::CALL: return check_call(payload);
    case wire::CANCEL: return check_plain<wire::Cancel>(wire::CANCEL, payload);
    case wire::FORGET: return check_plain<wire::Forget>(wire::FORGET, payload);
    case wire::STARTED: return check_plain<wire::Started>(wire::STARTED, payload);
    case wire::DONE: return check_done(payload);
    case wire::RETURNED: return check_plain<wire::Returned>(wire::RETURNED, payload);
    case wire::PROGRESS: return check_plain<wire::Progress>(wire::PROGRESS, payload);
    case wire::HEARTBEAT: return check_plain<wire::Heartbeat>(wire::HEARTBEAT, payload);
    case wire::LOG: return check_plain<wire::Log>(wire::LOG, payload);
    case wire::SHUTDOWN: return check_plain<wire::Shutdown>(wire::SHUTDOWN, payload);
    case wire::FETCH: return check_plain<wire::Fetch>(wire::FETCH, payload);
    case wire::CHUNK: return check_chunks(payload);
    case wire::MISSING: return check_plain<wire::Missing>(wire::MISSING, payload);
    case wire::OBJECTS: return check_plain<wire::Objects>(wire::OBJECTS, payload);
    case kErrorText: return check_error_text(payload);
    case kBlob: return check_blob(payload);
    default: return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto silenced = google::protobuf::SetLogHandler(nullptr);   // it would say a line for each text that is not UTF-8
  (void)silenced;
  if (size == 0) return 0;
  check(data[0], std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}
