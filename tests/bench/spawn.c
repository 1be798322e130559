/* Floor of a burst: start COUNT commands as fast as the machine does it, never more than LIMIT at once.
 *
 * spawn COUNT LIMIT PROBE LOG: prints the seconds from before the first start to the end of the last command.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	int count = atoi(argv[1]), limit = atoi(argv[2]), running = 0;
	double begin = now();
	for (int number = 0; number < count; number++) {
		char label[16];
		snprintf(label, sizeof label, "%d", number);
		char *command[] = {argv[3], argv[4], label, NULL};
		pid_t pid;
		if (posix_spawn(&pid, argv[3], NULL, NULL, command, environ) != 0)
			return perror("spawn"), 1;
		running++;
		while (waitpid(-1, NULL, running < limit ? WNOHANG : 0) > 0)
			running--;
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
	printf("%.6f\n", now() - begin);
	return 0;
}
