// A wrong clock for a program under test (LD_PRELOAD): its time of day is off by SHIFTED_CLOCK seconds.
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Not by dlsym, which asks for memory: allocators ask for the time.
int clock_gettime(clockid_t id, struct timespec *at) {
  const long result = syscall(SYS_clock_gettime, id, at);
  const char *seconds = getenv("SHIFTED_CLOCK");
  if (result == 0 && id == CLOCK_REALTIME && seconds != NULL) at->tv_sec += atol(seconds);
  return (int)result;
}
