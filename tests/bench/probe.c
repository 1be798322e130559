/* The command of every benchmark: note the time, first of all.
 *
 * probe LOG [LABEL]: one line "LABEL MONOTONIC REALTIME" (nanoseconds) in one write to the end of LOG. Without LABEL it
 * is what the environment has as PROBE_LABEL, or else as SCHEDULE_TIME. Linked statically: the loader's work would be a part of both sides and
 * so hide the difference between them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec mono, real;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);

	char line[256];
	const char *label = argc > 2 ? argv[2] : getenv("PROBE_LABEL");
	if (!label)
		label = getenv("SCHEDULE_TIME");
	int length = snprintf(line, sizeof line, "%s %lld%09ld %lld%09ld\n", label ? label : "-", (long long)mono.tv_sec,
			      mono.tv_nsec, (long long)real.tv_sec, real.tv_nsec);
	int log = argc > 1 ? open(argv[1], O_WRONLY | O_APPEND | O_CREAT, 0640) : -1;
	return log >= 0 && write(log, line, length) == length ? 0 : 1;
}
