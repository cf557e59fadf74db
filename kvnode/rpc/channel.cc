// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/channel.h"

#include <utility>

#include "kvnode/rpc/channel_core.h"

namespace metaring::rpc {

Channel::Channel(IoThreads& threads, ChannelOptions options)
    : core_(std::make_shared<ChannelCore>(threads.NextLoop(), std::move(options))) {}

Channel::~Channel() {
  Close();
}

void Channel::Close() {
  core_->Shut();
}

CallId Channel::CallEncoded(ByteView method, Bytes frame, TimePoint deadline, Callback callback) {
  return core_->Start(method, std::move(frame), deadline, std::move(callback));
}

void Channel::Cancel(CallId id) {
  core_->Cancel(id);
}

void Channel::Disconnect() {
  core_->Disconnect();
}

bool Channel::connected() const {
  return core_->connected();
}

}  // namespace metaring::rpc
