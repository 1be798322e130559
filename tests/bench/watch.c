/* Floor of latency: notice a file that is renamed into a directory, and start a command for it. Nothing else.
 *
 * watch DIRECTORY PROBE LOG [JOURNAL]: the file's name is the probe's label. With JOURNAL a line is made durable before
 * each start: what any program has to pay that records first and starts then.
 */
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

extern char **environ;

static void record(int journal, const char *name)
{
	char line[NAME_MAX + 2];
	int length = snprintf(line, sizeof line, "%s\n", name);
	if (write(journal, line, length) != length || fdatasync(journal) != 0)
		perror("watch: journal");
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	signal(SIGCHLD, SIG_IGN); /* the kernel reaps */
	int journal = argc > 4 ? open(argv[4], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : -1;
	int events = inotify_init1(IN_CLOEXEC);
	if (events < 0 || inotify_add_watch(events, argv[1], IN_MOVED_TO) < 0)
		return perror("watch"), 1;
	if (write(1, "ready\n", 6) != 6)
		return 1;

	char buffer[65536] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t length;
	while ((length = read(events, buffer, sizeof buffer)) > 0)
		for (char *at = buffer; at < buffer + length;) {
			struct inotify_event *event = (struct inotify_event *)at;
			char *command[] = {argv[2], argv[3], event->name, NULL};
			pid_t pid;
			if (journal >= 0)
				record(journal, event->name);
			if (posix_spawn(&pid, argv[2], NULL, NULL, command, environ) != 0)
				perror("watch: spawn");
			at += sizeof *event + event->len;
		}
	return 1;
}
