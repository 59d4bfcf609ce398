#include "server/observe/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/version.h"

/* The fields of /proc/self/stat that are shown; see proc(5). */
struct stat_fields {
    unsigned long long user_ticks, system_ticks, threads, start_ticks, virtual_bytes;
    long resident_pages;
};

static bool read_stat(struct stat_fields *fields)
{
    char line[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t size = file ? fread(line, 1, sizeof line - 1, file) : 0;

    if (file)
        fclose(file);
    line[size] = 0;
    const char *rest = strrchr(line, ')'); /* the name may hold anything */
    return rest &&
           sscanf(rest + 1,
                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
                  "%llu %*d %llu %llu %ld",
                  &fields->user_ticks, &fields->system_ticks, &fields->threads,
                  &fields->start_ticks, &fields->virtual_bytes, &fields->resident_pages) == 6;
}

/* Seconds since 1970 when the machine was started. */
static double boot_time(void)
{
    unsigned long long seconds = 0;
    char line[256];
    FILE *file = fopen("/proc/stat", "re");

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "btime %llu", &seconds) == 1)
            break;
    if (file)
        fclose(file);
    return (double)seconds;
}

static double count_open_files(void)
{
    DIR *files = opendir("/proc/self/fd");
    double count = -3; /* ".", ".." and the one that we have opened here */

    if (!files)
        return 0;
    while (readdir(files))
        count++;
    closedir(files);
    return count;
}

void process_statistics(void *room, metric_visit *visit, void *context)
{
    double ticks = (double)sysconf(_SC_CLK_TCK), page = (double)sysconf(_SC_PAGESIZE);
    struct stat_fields fields;
    struct rlimit files;

    (void)room;
    visit(context,
          &(struct metric){.name = "sagabase_build_info",
                           .help = "1; what is running stands in the labels.",
                           .kind = METRIC_GAUGE,
                           .labels = {{"version", sagabase_version}, {"commit", sagabase_commit}},
                           .value = 1});
    if (read_stat(&fields)) {
        metric_counter(visit, context, "process_cpu_seconds_total", "Processor time.",
                       (double)(fields.user_ticks + fields.system_ticks) / ticks);
        metric_gauge(visit, context, "process_start_time_seconds", "Start, seconds since 1970.",
                     boot_time() + (double)fields.start_ticks / ticks);
        metric_gauge(visit, context, "process_resident_memory_bytes", "Memory in use.",
                     (double)fields.resident_pages * page);
        metric_gauge(visit, context, "process_virtual_memory_bytes", "Address space in use.",
                     (double)fields.virtual_bytes);
        metric_gauge(visit, context, "process_threads", "Threads.", (double)fields.threads);
    }
    metric_gauge(visit, context, "process_open_fds", "Open files and connections.",
                 count_open_files());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        metric_gauge(visit, context, "process_max_fds", "As many may be open.",
                     (double)files.rlim_cur);
}
