/* SPDX-License-Identifier: MIT */
#ifndef MOTH_REPORTS_XML_H
#define MOTH_REPORTS_XML_H

#include <stdio.h>

/* Write text so that it may stand in an attribute or between tags of XML 1.0: markup is escaped, line
 * breaks and tabs are kept (as references in attributes), invalid UTF-8 and characters that XML does not
 * have become U+FFFD. NULL writes nothing. */
void moth_xml_text(FILE *out, const char *text);
void moth_xml_attribute(FILE *out, const char *name, const char *value);

#endif
