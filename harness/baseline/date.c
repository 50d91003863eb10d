/* SPDX-License-Identifier: MIT */
#include "baseline/baseline.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAYS_MAX 36500

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool take_apart(const char *text, int *year, int *month, int *day)
{
    for (size_t i = 0; i < MOTH_DATE_BYTES - 1; i++) {
        bool dash = i == 4 || i == 7;
        if (dash ? text[i] != '-' : !isdigit((unsigned char)text[i])) /* ends at the text's end, too */
            return false;
    }
    *year = atoi(text);
    *month = atoi(text + 5);
    *day = atoi(text + 8);
    return text[MOTH_DATE_BYTES - 1] == '\0' && *month >= 1 && *month <= 12 && *day >= 1 &&
           *day <= days_in(*year, *month);
}

bool moth_date_valid(const char *text)
{
    int year, month, day;
    return take_apart(text, &year, &month, &day);
}

void moth_date_today(char date[MOTH_DATE_BYTES])
{
    const char *given = getenv("MOTH_TODAY");
    time_t now = time(NULL);
    struct tm utc;
    if (given && moth_date_valid(given))
        memcpy(date, given, MOTH_DATE_BYTES);
    else if (!gmtime_r(&now, &utc) || strftime(date, MOTH_DATE_BYTES, "%Y-%m-%d", &utc) == 0)
        memcpy(date, "1970-01-01", MOTH_DATE_BYTES);
}

static void write_date(int year, int month, int day, char date[MOTH_DATE_BYTES])
{
    char text[40];
    snprintf(text, sizeof text, "%04d-%02d-%02d", year % 10000, month, day);
    memcpy(date, text, MOTH_DATE_BYTES - 1);
    date[MOTH_DATE_BYTES - 1] = '\0';
}

static void add_months(int *year, int *month, int *day, long months)
{
    long all = *year * 12L + (*month - 1) + months;
    *year = (int)(all / 12);
    *month = (int)(all % 12) + 1;
    if (*day > days_in(*year, *month))
        *day = days_in(*year, *month);
}

bool moth_date_parse(const char *text, const char *today, char date[MOTH_DATE_BYTES])
{
    int year, month, day;
    if (moth_date_valid(text)) {
        memcpy(date, text, MOTH_DATE_BYTES);
        return true;
    }
    char *unit;
    long count = isdigit((unsigned char)text[0]) ? strtol(text, &unit, 10) : -1;
    if (count < 0 || count > DAYS_MAX || !*unit || unit[1] || !strchr("dwm", *unit) ||
        !take_apart(today, &year, &month, &day))
        return false;
    if (*unit == 'm')
        add_months(&year, &month, &day, count);
    for (long days = *unit == 'd' ? count : *unit == 'w' ? count * 7 : 0; days > 0; days--) {
        if (++day <= days_in(year, month))
            continue;
        day = 1;
        add_months(&year, &month, &day, 1);
    }
    write_date(year, month, day, date);
    return year < 10000;
}
