#include "clients/cli/iso_time.h"

enum { SECONDS_PER_DAY = 86400, MICROSECONDS = 1000000 };

/* Takes exactly `digits` digits. */
static bool take_number(struct bytes *text, int digits, int *number)
{
    int value = 0;

    if (text->size < (size_t)digits)
        return false;
    for (int i = 0; i < digits; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        value = value * 10 + text->data[i] - '0';
    }
    *text = bytes_of(text->data + digits, text->size - (size_t)digits);
    *number = value;
    return true;
}

static bool take(struct bytes *text, char byte)
{
    if (text->size == 0 || text->data[0] != (uint8_t)byte)
        return false;
    *text = bytes_of(text->data + 1, text->size - 1);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the Gregorian calendar; years are counted from March. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t years = month > 2 ? year : year - 1;
    int64_t months = (month + 9) % 12;
    int64_t days_before = years * 365 + years / 4 - years / 100 + years / 400;

    return days_before + (months * 153 + 2) / 5 + day - 1 - 719468;
}

static bool take_day(struct bytes *text, int64_t *days)
{
    int year, month, day;

    if (!take_number(text, 4, &year) || !take(text, '-') || !take_number(text, 2, &month) ||
        !take(text, '-') || !take_number(text, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_since_1970(year, month, day);
    return true;
}

/* Digits beyond microseconds are dropped. */
static bool take_fraction(struct bytes *text, int64_t *fraction_us)
{
    int digit, unit = MICROSECONDS / 10;

    if (!take_number(text, 1, &digit))
        return false;
    do {
        *fraction_us += (int64_t)digit * unit;
        unit /= 10;
    } while (take_number(text, 1, &digit));
    return true;
}

static bool take_time_of_day(struct bytes *text, int64_t *time_us)
{
    int hour, minute, second = 0;
    int64_t fraction_us = 0;

    if (!take_number(text, 2, &hour) || !take(text, ':') || !take_number(text, 2, &minute))
        return false;
    if (take(text, ':') && !take_number(text, 2, &second))
        return false;
    if ((take(text, '.') || take(text, ',')) && !take_fraction(text, &fraction_us))
        return false;
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return false;
    *time_us = ((int64_t)hour * 3600 + minute * 60 + second) * MICROSECONDS + fraction_us;
    return true;
}

static bool take_offset(struct bytes *text, int64_t *offset_us)
{
    int hour, minute = 0;
    int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;

    if (sign == 0)
        return take(text, 'Z') || take(text, 'z') || text->size == 0;
    if (!take_number(text, 2, &hour))
        return false;
    take(text, ':');
    if (text->size > 0 && !take_number(text, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    *offset_us = sign * (int64_t)(hour * 3600 + minute * 60) * MICROSECONDS;
    return true;
}

bool iso_time_parse(struct bytes text, int64_t *time_us)
{
    int64_t days, of_day_us = 0, offset_us = 0;

    if (!take_day(&text, &days))
        return false;
    if (take(&text, 'T') || take(&text, 't') || take(&text, ' ')) {
        if (!take_time_of_day(&text, &of_day_us) || !take_offset(&text, &offset_us))
            return false;
    }
    if (text.size > 0)
        return false;
    *time_us = days * SECONDS_PER_DAY * MICROSECONDS + of_day_us - offset_us;
    return true;
}
