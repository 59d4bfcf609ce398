#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hash.h"

enum {
    PAIRS_BYTES_MAX = 1900,
    LINE_BYTES_MAX = 6 * PAIRS_BYTES_MAX, /* a control character takes six in JSON */
    FACTS = 64,                           /* counted apart; facts of one slot share its limit */
    LINES_PER_PERIOD = 20,
    PERIOD_US = 10000000,
};

static _Atomic int level_shown = LOG_INFO;
static _Atomic int format_shown = LOG_TEXT;

static const char *const names[] = {"ERROR", "WARN", "INFO", "DEBUG"};

void log_set_level(enum log_level level)
{
    atomic_store(&level_shown, level);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load(&level_shown);
}

void log_set_format(enum log_format format)
{
    atomic_store(&format_shown, format);
}

/* --- not too often ----------------------------------------------------------------- */

struct fact {
    int64_t began_us;
    unsigned written, unsaid;
};

static pthread_mutex_t facts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fact facts[FACTS];
static uint64_t left_out; /* under the lock */

/* False: this fact was told often enough. Else how many were left out before it. Which facts share
 * a slot is the same in every process. */
static bool may_tell(const char *component, const char *event, unsigned *unsaid)
{
    uint64_t hash = checksum_bytes(bytes_of_text(component)) ^ checksum_bytes(bytes_of_text(event));
    struct fact *fact = &facts[hash % FACTS];
    int64_t now_us = clock_monotonic_us(system_clock());

    pthread_mutex_lock(&facts_lock);
    if (fact->written == 0 || now_us - fact->began_us >= PERIOD_US) {
        fact->began_us = now_us;
        fact->written = 0;
    }
    bool may = fact->written < LINES_PER_PERIOD;
    *unsaid = may ? fact->unsaid : 0;
    fact->unsaid = may ? 0 : fact->unsaid + 1;
    fact->written += may;
    left_out += !may;
    pthread_mutex_unlock(&facts_lock);
    return may;
}

uint64_t log_lines_left_out(void)
{
    pthread_mutex_lock(&facts_lock);
    uint64_t count = left_out;
    pthread_mutex_unlock(&facts_lock);
    return count;
}

/* --- the line ------------------------------------------------------------------------ */

struct line {
    char text[LINE_BYTES_MAX];
    size_t size;
};

static void put(struct line *line, const char *text, size_t size)
{
    size_t room = sizeof line->text - line->size - 1; /* for the newline */

    size = size < room ? size : room;
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* One line stays one: control characters are shown as \u000a. */
static void put_visible(struct line *line, const char *text, size_t size, const char *escaped)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char character = (unsigned char)text[i];
        char code[8];

        if (character < 0x20 || character == 0x7f)
            put(line, code, (size_t)snprintf(code, sizeof code, "\\u%04x", character));
        else if (strchr(escaped, character))
            put(line, code, (size_t)snprintf(code, sizeof code, "\\%c", character));
        else
            put(line, text + i, 1);
    }
}

static void put_string(struct line *line, const char *text, size_t size)
{
    put(line, "\"", 1);
    put_visible(line, text, size, "\"\\");
    put(line, "\"", 1);
}

static void write_text(struct line *line, const char *now, enum log_level level,
                       const char *component, const char *event, const char *pairs)
{
    const char *const words[] = {now, names[level], component, event};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        put(line, " ", i > 0);
        put_text(line, words[i]);
    }
    put(line, " ", *pairs != 0);
    put_visible(line, pairs, strlen(pairs), "");
}

static size_t key_size(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789");

    return text[size] == '=' ? size : 0;
}

/* A value in quotes ends at the quote behind which the pairs end or another key comes: what is
 * quoted may hold quotes. */
static const char *value_end(const char *value)
{
    const char *end;

    if (*value != '"')
        return value + strcspn(value, " ");
    for (end = strchr(value + 1, '"'); end; end = strchr(end + 1, '"'))
        if (end[1] == 0 || (end[1] == ' ' && key_size(end + 2) > 0))
            return end + 1;
    return value + strlen(value);
}

static bool is_number(const char *text, size_t size)
{
    size_t sign = size > 0 && text[0] == '-';
    size_t digits = strspn(text + sign, "0123456789");

    return digits > 0 && digits < 16 && sign + digits == size && (digits == 1 || text[sign] != '0');
}

static void write_value(struct line *line, const char *value, const char *end)
{
    size_t size = (size_t)(end - value);

    if (is_number(value, size))
        put(line, value, size);
    else if (size >= 2 && value[0] == '"' && end[-1] == '"')
        put_string(line, value + 1, size - 2);
    else
        put_string(line, value, size);
}

static void write_json(struct line *line, const char *now, enum log_level level,
                       const char *component, const char *event, const char *pairs)
{
    const char *const words[][2] = {
        {"{\"time\":", now},
        {",\"level\":", names[level]},
        {",\"component\":", component},
        {",\"event\":", event},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        put_text(line, words[i][0]);
        put_string(line, words[i][1], strlen(words[i][1]));
    }
    while (*pairs) {
        size_t key = key_size(pairs);
        const char *value = key > 0 ? pairs + key + 1 : pairs;
        const char *end = value_end(value);

        put(line, ",", 1);
        put_string(line, key > 0 ? pairs : "text", key > 0 ? key : 4);
        put(line, ":", 1);
        write_value(line, value, end);
        pairs = end + strspn(end, " ");
    }
    put(line, "}", 1);
}

struct log_name log_name(struct bytes name)
{
    struct log_name shown;
    size_t size = name.size;

    if (size > LOG_NAME_BYTES_MAX)
        for (size = LOG_NAME_BYTES_MAX; size > 0 && (name.data[size] & 0xc0) == 0x80;)
            size--;
    shown.text[0] = shown.text[size + 1] = '"';
    shown.text[size + 2] = 0;
    for (size_t i = 0; i < size; i++)
        shown.text[i + 1] = name.data[i] == '"' ? '\'' : (char)name.data[i];
    return shown;
}

void log_line(enum log_level level, const char *component, const char *event, const char *format,
              ...)
{
    struct line line;
    char pairs[PAIRS_BYTES_MAX];
    char now[CLOCK_TEXT_BYTES];
    unsigned unsaid = 0;
    va_list arguments;

    if ((int)level > atomic_load_explicit(&level_shown, memory_order_relaxed))
        return;
    if (level != LOG_DEBUG && !may_tell(component, event, &unsaid))
        return;
    line.size = 0; /* and its text is left as it is */
    clock_format_us(clock_wall_us(system_clock()), now);
    int size =
        unsaid > 0 ? snprintf(pairs, sizeof pairs, "unsaid=%u%s", unsaid, *format ? " " : "") : 0;
    va_start(arguments, format);
    vsnprintf(pairs + size, sizeof pairs - (size_t)size, format, arguments);
    va_end(arguments);
    if (atomic_load_explicit(&format_shown, memory_order_relaxed) == LOG_JSON)
        write_json(&line, now, level, component, event, pairs);
    else
        write_text(&line, now, level, component, event, pairs);
    line.text[line.size++] = '\n';
    /* One write, so that lines of two threads never mix. A lost log line is
     * not worth failing for. */
    if (write(STDERR_FILENO, line.text, line.size) < 0)
        return;
}
