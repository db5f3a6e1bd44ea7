#pragma once
// What the kernel may still do for a request once we are done with it: nothing. Left alone it sends
// again what was not acknowledged, for minutes after the close, and a request that was given up,
// and looked up, would arrive after all (law L15). Curl calls both. Room-internal. Threads: any.
// Limits: what the other side's kernel has acknowledged is there; no close takes it back.

#include <curl/curl.h>

#include <chrono>

namespace admitone::http {

// Of a new connection: what was not acknowledged for so long breaks it, also while this process
// stands still and can give nothing up. `limit` points to std::chrono::milliseconds.
int set_up_socket(void* limit, curl_socket_t socket, curlsocktype purpose);

// Throws away what was not acknowledged, by a reset. A connection that ended well has nothing of a
// request left: it ends as usual, or, over TLS, at times with a reset in place of a farewell that
// nobody waits for.
int close_socket(void* unused, curl_socket_t socket);

}  // namespace admitone::http
