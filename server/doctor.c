#define _GNU_SOURCE /* mkostemp */
#include "server/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "server/config/config.h"

#define MIB        ((uint64_t)1 << 20)
#define XFS_MAGIC  0x58465342 /* not in <linux/magic.h> */
#define CIFS_MAGIC 0xff534d42

enum {
    EXIT_HEALTHY = 0,
    EXIT_SICK = 1,
    EXIT_CONFIG = 2,
    SYNCS_MAX = 200,
    SYNC_TIME_US_MAX = 3000000,
    SYNC_BYTES = 4096,
    SYNC_SLOW_US = 10000, /* of half of them: a spinning disk, or a busy one */
    SYNC_UNREAL_US = 15,  /* faster than any device that keeps what it is told to */
    FILES_WANTED = 4096,  /* 512 of the store, the rest for connections */
    FREE_PERCENT_WANTED = 5,
    MEMORY_PERCENT_MAX = 75,
};

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct doctor {
    struct config config;
    char place[PATH_MAX]; /* the data directory, or the nearest parent that exists */
    bool exists;          /* the data directory does */
    bool is_served;       /* a server has it open */
    unsigned findings[FINDING_FAIL + 1];
};

/* `change`: what to do about it; NULL where nothing is to be done. */
static void tell(struct doctor *self, enum finding finding, const char *subject, const char *change,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

static void tell(struct doctor *self, enum finding finding, const char *subject, const char *change,
                 const char *format, ...)
{
    static const char *const words[] = {"ok", "warn", "fail"};
    va_list arguments;

    self->findings[finding]++;
    printf("%-5s %-14s ", words[finding], subject);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    if (finding != FINDING_OK && change)
        printf("%20s  -> %s\n", "", change);
}

/* --- the data directory --------------------------------------------------------------- */

static void find_place(struct doctor *self)
{
    struct stat facts;

    snprintf(self->place, sizeof self->place, "%s", self->config.data);
    self->exists = stat(self->place, &facts) == 0;
    while (stat(self->place, &facts) != 0) {
        char *slash = strrchr(self->place, '/');
        if (!slash)
            snprintf(self->place, sizeof self->place, ".");
        else if (slash == self->place)
            slash[1] = 0;
        else
            *slash = 0;
    }
}

/* As the server takes it: RocksDB locks the file LOCK. */
static bool is_locked(const char *directory)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX + 8];

    snprintf(path, sizeof path, "%s/LOCK", directory);
    int file = open(path, O_RDWR | O_CLOEXEC);
    bool locked = file >= 0 && fcntl(file, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    if (file >= 0)
        close(file);
    return locked;
}

static void check_directory(struct doctor *self)
{
    struct stat facts;

    if (stat(self->place, &facts) != 0 || !S_ISDIR(facts.st_mode))
        return tell(self, FINDING_FAIL, "data", "name a directory with --data",
                    "%s: not a directory", self->place);
    if (access(self->place, R_OK | W_OK | X_OK) != 0)
        return tell(self, FINDING_FAIL, "data", "give it to the user that runs the server (chown)",
                    "%s: %s for user %u; its owner is %u", self->place, strerror(errno),
                    (unsigned)geteuid(), (unsigned)facts.st_uid);
    if (!self->exists)
        return tell(self, FINDING_OK, "data", NULL, "%s will be created in %s", self->config.data,
                    self->place);
    if (facts.st_uid != geteuid() && geteuid() != 0)
        tell(self, FINDING_WARN, "data", "give it to the user that runs the server (chown)",
             "%s belongs to user %u, we are %u", self->place, (unsigned)facts.st_uid,
             (unsigned)geteuid());
    else if (facts.st_mode & 077)
        tell(self, FINDING_WARN, "data", "chmod 700: whoever reads the files reads all events",
             "%s is open to others: mode %03o", self->place, (unsigned)facts.st_mode & 0777);
    else
        tell(self, FINDING_OK, "data", NULL, "%s, owner %u, mode 700", self->place,
             (unsigned)facts.st_uid);
    self->is_served = is_locked(self->place);
    tell(self, FINDING_OK, "lock", NULL, "%s",
         self->is_served ? "a server has the data open now" : "nobody has the data open");
}

/* --- the disk ---------------------------------------------------------------------------- */

struct file_system {
    unsigned long magic;
    const char *name;
    const char *trouble; /* NULL: good for a store */
};

static const struct file_system file_systems[] = {
    {EXT4_SUPER_MAGIC, "ext4", NULL},
    {XFS_MAGIC, "xfs", NULL},
    {BTRFS_SUPER_MAGIC, "btrfs", NULL},
    {F2FS_SUPER_MAGIC, "f2fs", NULL},
    {TMPFS_MAGIC, "tmpfs", "it lives in memory: nothing survives the machine"},
    {RAMFS_MAGIC, "ramfs", "it lives in memory: nothing survives the machine"},
    {OVERLAYFS_SUPER_MAGIC, "overlayfs",
     "the files of a container are gone with it: mount a volume"},
    {NFS_SUPER_MAGIC, "nfs", "locks and fsync depend on another machine: use a local disk"},
    {CIFS_MAGIC, "cifs", "locks and fsync depend on another machine: use a local disk"},
    {FUSE_SUPER_MAGIC, "fuse", "whether fsync holds depends on what is behind it"},
};

static void check_disk_kind(struct doctor *self)
{
    struct statfs facts;

    if (statfs(self->place, &facts) != 0)
        return tell(self, FINDING_FAIL, "disk kind", NULL, "%s: %s", self->place, strerror(errno));
    for (size_t i = 0; i < sizeof file_systems / sizeof *file_systems; i++) {
        const struct file_system *known = &file_systems[i];
        if ((unsigned long)facts.f_type == known->magic)
            return tell(self, known->trouble ? FINDING_WARN : FINDING_OK, "disk kind",
                        known->trouble, "%s", known->name);
    }
    tell(self, FINDING_WARN, "disk kind", "ext4 and xfs are what is tested",
         "a file system that we do not know: %lx", (unsigned long)facts.f_type);
}

static void check_disk_room(struct doctor *self)
{
    struct statvfs facts;

    if (statvfs(self->place, &facts) != 0)
        return tell(self, FINDING_FAIL, "disk room", NULL, "%s: %s", self->place, strerror(errno));
    uint64_t free_bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
    uint64_t bytes = (uint64_t)facts.f_blocks * facts.f_frsize;
    bool short_of_reserve = free_bytes < self->config.disk_reserve;
    bool nearly_full = free_bytes < bytes / 100 * FREE_PERCENT_WANTED;
    tell(self,
         short_of_reserve ? FINDING_FAIL
         : nearly_full    ? FINDING_WARN
                          : FINDING_OK,
         "disk room",
         short_of_reserve ? "make room, or appends are refused (--disk-reserve)" : "make room soon",
         "%" PRIu64 " MiB of %" PRIu64 " MiB are free, %" PRIu64 " MiB stay in reserve",
         free_bytes / MIB, bytes / MIB, self->config.disk_reserve / MIB);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Appends and syncs as the write-ahead log does. How many times were measured; 0: errno. */
static size_t measure_syncs(int file, int64_t times_us[SYNCS_MAX])
{
    int64_t end_us = clock_monotonic_us(system_clock()) + SYNC_TIME_US_MAX;
    char page[SYNC_BYTES];
    size_t count = 0;

    memset(page, 's', sizeof page);
    while (count < SYNCS_MAX && clock_monotonic_us(system_clock()) < end_us) {
        int64_t began_us = clock_monotonic_us(system_clock());
        if (write(file, page, sizeof page) != sizeof page || fdatasync(file) != 0)
            return 0;
        times_us[count++] = clock_monotonic_us(system_clock()) - began_us;
    }
    qsort(times_us, count, sizeof *times_us, compare);
    return count;
}

static void tell_syncs(struct doctor *self, const int64_t *times_us, size_t count)
{
    int64_t half_us = times_us[count / 2], most_us = times_us[count * 99 / 100];

    if (half_us < SYNC_UNREAL_US)
        tell(self, FINDING_WARN, "fsync",
             "no device is that fast: what is acknowledged may be lost with the power",
             "50 %% within %" PRId64 " us", half_us);
    else
        tell(self, half_us > SYNC_SLOW_US ? FINDING_WARN : FINDING_OK, "fsync",
             "each append waits for one: use an SSD, or a disk of its own",
             "50 %% within %" PRId64 " us, 99 %% within %" PRId64 " us (%zu measured)", half_us,
             most_us, count);
}

static void check_fsync(struct doctor *self)
{
    char path[PATH_MAX + 32];
    int64_t times_us[SYNCS_MAX];

    snprintf(path, sizeof path, "%s/doctor.XXXXXX", self->place);
    int file = mkostemp(path, O_CLOEXEC);
    if (file < 0)
        return tell(self, FINDING_FAIL, "fsync", NULL, "%s: %s", path, strerror(errno));
    unlink(path); /* gone with the descriptor, whatever happens */
    size_t count = measure_syncs(file, times_us);
    int cause = errno;
    close(file);
    if (count == 0)
        return tell(self, FINDING_FAIL, "fsync", "the disk is full or broken", "%s",
                    strerror(cause));
    tell_syncs(self, times_us, count);
}

/* RocksDB links files instead of copying them, which works within one file system. */
static void check_checkpoints(struct doctor *self)
{
    const char *directory = self->config.checkpoint_directory;
    struct stat data, checkpoints;

    if (!directory)
        return;
    if (stat(directory, &checkpoints) != 0)
        return tell(self, FINDING_OK, "checkpoints", NULL, "%s will be created", directory);
    if (stat(self->place, &data) == 0 && data.st_dev != checkpoints.st_dev)
        return tell(self, FINDING_WARN, "checkpoints",
                    "put it on the disk of --data, and copy checkpoints elsewhere afterwards",
                    "%s is on another disk: each file is copied", directory);
    tell(self, FINDING_OK, "checkpoints", NULL, "%s", directory);
}

/* --- the machine -------------------------------------------------------------------------- */

static void check_files(struct doctor *self)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return tell(self, FINDING_WARN, "open files", NULL, "%s", strerror(errno));
    tell(self, limit.rlim_cur < FILES_WANTED ? FINDING_WARN : FINDING_OK, "open files",
         "raise it: ulimit -n 65536, or LimitNOFILE= of systemd; each connection takes one",
         "%llu allowed", (unsigned long long)limit.rlim_cur);
}

static void check_clock(struct doctor *self)
{
    struct timex facts = {.modes = 0};
    int state = adjtimex(&facts);

    if (state < 0)
        tell(self, FINDING_WARN, "clock", NULL, "%s", strerror(errno));
    else if (facts.status & STA_UNSYNC)
        tell(self, FINDING_WARN, "clock", "run an NTP client (chrony, systemd-timesyncd)",
             "nothing keeps it right: times of events and policies by age depend on it");
    else
        tell(self, FINDING_OK, "clock", NULL, "kept right, to %ld us", facts.esterror);
}

static void check_memory(struct doctor *self)
{
    const struct config *config = &self->config;
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t ours = config->block_cache + config->write_buffer + config->tail_memory +
                    config->queue_memory + config->cache_memory;

    tell(self, ours > machine / 100 * MEMORY_PERCENT_MAX ? FINDING_WARN : FINDING_OK, "memory",
         "lower --block-cache", "caches and buffers may take %" PRIu64 " MiB of %" PRIu64 " MiB",
         ours / MIB, machine / MIB);
}

/* --- ports -------------------------------------------------------------------------------- */

static int try_address(const struct addrinfo *info, bool to_connect)
{
    int yes = 1, cause = 0;
    int descriptor = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);

    if (descriptor < 0)
        return errno;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (to_connect ? connect(descriptor, info->ai_addr, info->ai_addrlen)
                   : bind(descriptor, info->ai_addr, info->ai_addrlen))
        cause = errno;
    close(descriptor);
    return cause;
}

static void check_port(struct doctor *self, const char *option, const char *listen)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    struct address address;
    char port[8];

    if (!status_ok(address_parse(listen, &address)))
        return tell(self, FINDING_FAIL, option, "HOST:PORT", "\"%s\" is no address", listen);
    snprintf(port, sizeof port, "%u", address.port);
    int error = getaddrinfo(address.host, port, &wanted, &found);
    if (error != 0)
        return tell(self, FINDING_FAIL, option, "name an address of this machine", "%s: %s", listen,
                    gai_strerror(error));
    int cause = try_address(found, false);
    bool answers = cause == EADDRINUSE && try_address(found, true) == 0;
    freeaddrinfo(found);
    if (cause == 0)
        tell(self, FINDING_OK, option, NULL, "%s is free", listen);
    else if (answers && self->is_served)
        tell(self, FINDING_OK, option, NULL, "%s is served, as the data is", listen);
    else
        tell(self, FINDING_FAIL, option,
             answers ? "end the other program or choose another port" : "choose another address",
             "%s: %s", listen, answers ? "another program listens there" : strerror(cause));
}

/* ------------------------------------------------------------------------------------------ */

static void check_all(struct doctor *self)
{
    const char *http = self->config.http_listen ? self->config.http_listen : CONFIG_HTTP_LISTEN;
    const char *resp = self->config.resp_listen;

    tell(self, FINDING_OK, "configuration", NULL, "%s",
         self->config.file ? self->config.file : "flags and environment");
    if (self->config.in_memory) {
        tell(self, FINDING_WARN, "data", "leave --in-memory out", "kept in memory only");
    } else {
        find_place(self);
        check_directory(self);
        check_disk_kind(self);
        check_disk_room(self);
        check_fsync(self);
        check_checkpoints(self);
    }
    check_files(self);
    check_memory(self);
    check_clock(self);
    check_port(self, "listen", self->config.listen);
    if (strcmp(http, "off") != 0)
        check_port(self, "http-listen", http);
    if (resp && strcmp(resp, "off") != 0) /* where none is named, a taken one is passed over */
        check_port(self, "resp-listen", resp);
}

int doctor_main(int argc, char **argv)
{
    struct doctor doctor = {0};
    struct status status = config_read(argc, argv, getenv, &doctor.config);

    if (!status_ok(status)) {
        fprintf(stderr, "sagabase doctor: %s\n", status.message);
        return EXIT_CONFIG;
    }
    if (doctor.config.help) {
        printf(
            "sagabase doctor [OPTION...]\n\nChecks whether this machine is a good place for the "
            "server that the same options would\nstart, measures fsync, and says what to change. "
            "Exit code 0, 1 where something fails,\n2 for a wrong option.\n\n");
        config_print_help(stdout);
        return EXIT_HEALTHY;
    }
    check_all(&doctor);
    config_destroy(&doctor.config);
    printf("%u ok, %u to look at, %u failed\n", doctor.findings[FINDING_OK],
           doctor.findings[FINDING_WARN], doctor.findings[FINDING_FAIL]);
    return doctor.findings[FINDING_FAIL] > 0 ? EXIT_SICK : EXIT_HEALTHY;
}
