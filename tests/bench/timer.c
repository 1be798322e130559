/* Floor of punctuality: at each full second start COUNT commands, for SECONDS seconds.
 *
 * timer COUNT SECONDS PROBE LOG: the probe's label is the second it was due at.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern char **environ;

static void start_all(int count, long long second, char **argv)
{
	char label[32];
	snprintf(label, sizeof label, "%lld", second);
	char *command[] = {argv[3], argv[4], label, NULL};
	for (int number = 0; number < count; number++) {
		pid_t pid;
		if (posix_spawn(&pid, argv[3], NULL, NULL, command, environ) != 0)
			perror("timer");
	}
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	signal(SIGCHLD, SIG_IGN);
	struct timespec due;
	clock_gettime(CLOCK_REALTIME, &due);
	due.tv_nsec = 0;
	for (int round = atoi(argv[2]); round > 0; round--) {
		due.tv_sec++;
		while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &due, NULL) != 0)
			;
		start_all(atoi(argv[1]), due.tv_sec, argv);
	}
	return 0;
}
