#include <cstdio>

int main() {
  std::puts("admitone " ADMITONE_VERSION);
  return 0;
}
