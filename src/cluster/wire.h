// SPDX-License-Identifier: Apache-2.0
#pragma once
// Wire: the protocol's messages to and from the types of the rooms below. What arrives is checked here.

#include <string>

#include "cluster/worker.pb.h"
#include "headrace/base/result.h"
#include "headrace/exec/work.h"
#include "headrace/io/channel.h"

namespace headrace::cluster {

/// Raised when a message changes meaning; both sides must have the same.
inline constexpr std::uint32_t kProtocol = 1;

/// Errors: those of Channel::send.
Status send(io::Channel& channel, wire::FrameKind kind, const google::protobuf::MessageLite& message,
            std::span<const int> descriptors = {}, bool now = false);
/// Errors: kProtocol.
Status parse(const io::Frame& frame, google::protobuf::MessageLite& message);

void to_wire(const exec::Recipe& recipe, std::uint64_t number, wire::Recipe& out);
Result<std::shared_ptr<const exec::Recipe>> from_wire(const wire::Recipe& recipe);
/// Words that are not UTF-8 get a mark where they are wrong: a message with such a string would not parse.
void to_wire(const Error& error, wire::Error& out);
Error from_wire(const wire::Error& error);
/// From the fields of a message; kTaskFailed for a number that is in no catalogue.
Error error_of(std::uint32_t number, const std::string& message, const std::string& advice);

/// The work of a call; errors: kProtocol for a phase that is none.
Result<exec::Work> work_of(const wire::Call& call, std::shared_ptr<const exec::Recipe> recipe);

/// Same text, same kernel and namespaces: descriptors can be handed over.
std::string host_identity();
/// Random bytes in hexadecimal, from the kernel.
std::string random_text(std::size_t bytes);

}  // namespace headrace::cluster
