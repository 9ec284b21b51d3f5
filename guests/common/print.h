// The console, as all guests use it.
#pragma once

// Formatted output. Conversions: %s %c %d %u %x %ld %lu %lx %%, with a width and a leading 0 for
// numbers. A newline is sent as CR LF.
__attribute__((format(printf, 1, 2))) void print(const char* format, ...);

// Of the architecture's runtime: sends one byte when there is room for it; waits for one, asleep.
void put_byte(char byte);
char next_byte(void);
