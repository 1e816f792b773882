/* Lets a program live on another date: `scripts/test --date` preloads this library into the tests, the service and
 * PostgreSQL. The wall clock is shifted by CONVOSYNC_TEST_SHIFT seconds and runs on from there. The monotonic clock stays
 * as it is, because time-outs and the kernel count by it.
 *
 * Debian's libfaketime does the same and more. But it hangs under Redis' allocator, and it leaves a file in /dev/shm per
 * process that is killed, which stops a later process with the same id; these tests kill many. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t shift(void)
{
    static int is_known;
    static time_t seconds;

    if (!is_known) {
        const char *text = getenv("CONVOSYNC_TEST_SHIFT");
        seconds = text ? atol(text) : 0;
        is_known = 1;
    }
    return seconds;
}

/* By way of the kernel, so that there is no other library whose function must be found first. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, now);

    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec exact;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact))
        return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec exact;

    if (clock_gettime(CLOCK_REALTIME, &exact))
        return -1;
    if (now)
        *now = exact.tv_sec;
    return exact.tv_sec;
}
