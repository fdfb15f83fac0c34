/*
 * Help, manual page and completion, written from the table of options.
 */
#include "help.h"

#include <string.h>

#include "parse_options.h"
#include "text.h"

enum { PAGE_COLUMNS = 100, TEXT_COLUMN = 27, OPTION_SIZE = 64 };

static const char summary[] =
    "Similarities within and across the Q, K and V activations of transformer layers.";

static const char input[] =
    "INPUT is a 2-d .npy file, observations x features, or a .safetensors file with --tensor, of "
    "floating-point numbers or integers; model.safetensors.index.json or all the shards of a model "
    "are one input. Rows and columns count from 0. Several inputs of analyze and pairs, or a "
    "pattern, are layers: one result each, in natural order. Of accumulate they are shards: one "
    "stream "
    "of observations, in the order given; a folder is its .npy and .safetensors files in natural "
    "order, "
    "and - a list on standard input, a path a line.";

static const char parallel[] =
    "Where it is built with MPI, qkvsim-mpi is the same program as many processes (mpirun -n 16 "
    "qkvsim-mpi analyze ...): analyze and accumulate divide their work over the ranks, and give "
    "the "
    "same bytes as qkvsim.";

static const char exit_status[] = "0 done, 1 failed, 2 wrong usage.";

static const struct section {
    const char *title;
    int commands; /* whose options these are, where an option does not say otherwise */
} sections[OPTION_SECTIONS] = {
    [OPTIONS_OF_GROUPS] = { "Groups",
                            COMMAND_ANALYZE | COMMAND_PAIRS | COMMAND_MASK | COMMAND_ACCUMULATE },
    [OPTIONS_OF_INPUT] = { "Input",
                           COMMAND_ANALYZE | COMMAND_PAIRS | COMMAND_MATRIX | COMMAND_ACCUMULATE },
    [OPTIONS_OF_ANALYSIS] = { "Analysis", COMMAND_ANALYZE },
    [OPTIONS_OF_PAIRS] = { "Pairs", COMMAND_PAIRS },
    [OPTIONS_OF_CORPUS] = { "Corpus", COMMAND_ACCUMULATE },
    [OPTIONS_OF_OUTPUT] = { "Output", COMMANDS_WITH_OPTIONS }
};

/* "--bins N" */
static void name_option(const struct option_help *option, char name[OPTION_SIZE])
{
    snprintf(name, OPTION_SIZE, "--%s%s%s", option->name, option->value != NULL ? " " : "",
             option->value != NULL ? option->value : "");
}

/* "matrix, mask: " before the text of an option that other commands know than its section's;
 * nothing in help of one command. */
static void name_commands(const struct option_help *option, int command,
                          char names[OPTION_LIST_SIZE])
{
    names[0] = '\0';
    if (command != COMMAND_NONE
        || (option->commands & COMMANDS) == sections[option->section].commands)
        return;
    options_list_commands(option->commands, names);
    text_append(names, OPTION_LIST_SIZE, ": ");
}

/* ---- help ---- */

/* Words from a column on, in as many lines as it takes; the first begins where the stream
 * stands. */
static void print_words(FILE *stream, int column, const char *text)
{
    int at = column;
    while (*text != '\0') {
        const int length = (int)strcspn(text, " ");
        if (at > column && at + 1 + length > PAGE_COLUMNS) {
            fprintf(stream, "\n%*s", column, "");
            at = column;
        }
        at += fprintf(stream, "%s%.*s", at > column ? " " : "", length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}

static void print_entry(FILE *stream, const char *name, int column, const char *before,
                        const char *text)
{
    char words[1024] = "";
    text_append(words, sizeof words, "%s%s", before, text);
    const bool fits = strlen(name) + 3 <= (size_t)column;
    fprintf(stream, "  %-*s", fits ? column - 2 : 0, name);
    if (!fits)
        fprintf(stream, "\n%*s", column, "");
    print_words(stream, column, words);
}

static void print_command(FILE *stream, const struct command_help *command)
{
    char usage[2 * OPTION_SIZE];
    snprintf(usage, sizeof usage, "qkvsim %s %s", command->name, command->arguments);
    print_entry(stream, usage, 40, "", command->text);
}

static void print_commands(FILE *stream, int which)
{
    const struct command_help *command;
    for (int i = 0; (command = options_command_help(i)) != NULL; i++)
        if (which == COMMAND_NONE || which == command->command)
            print_command(stream, command);
    if (which == COMMAND_NONE)
        print_entry(stream, "qkvsim help [COMMAND]", 40, "",
                    "this text, or a command's part of it");
}

static void print_title(FILE *stream, const struct section *section, int command)
{
    char names[OPTION_LIST_SIZE] = "";
    options_list_commands(section->commands, names);
    if (command != COMMAND_NONE || section->commands == COMMANDS_WITH_OPTIONS)
        fprintf(stream, "\n%s\n", section->title);
    else
        fprintf(stream, "\n%s (%s)\n", section->title, names);
}

static void print_section(FILE *stream, int section, int command)
{
    const struct option_help *option;
    bool titled = false;
    for (int i = 0; (option = options_help(i)) != NULL; i++) {
        char name[OPTION_SIZE], names[OPTION_LIST_SIZE];
        if ((int)option->section != section
            || (command != COMMAND_NONE && (option->commands & command) == 0))
            continue;
        if (!titled)
            print_title(stream, &sections[section], command);
        titled = true;
        name_option(option, name);
        name_commands(option, command, names);
        print_entry(stream, name, TEXT_COLUMN, names, option->text);
    }
}

static void print_help(FILE *stream, int command)
{
    if (command == COMMAND_NONE)
        fprintf(stream, "%s\n\n", summary);
    print_commands(stream, command);
    if (command == COMMAND_NONE || (command & (COMMAND_MASK | COMMAND_BENCH)) == 0) {
        fputc('\n', stream);
        print_words(stream, 0, input);
    }
    for (int section = 0; section < OPTION_SECTIONS; section++)
        print_section(stream, section, command);
    if (command == COMMAND_NONE || (command & (COMMAND_ANALYZE | COMMAND_ACCUMULATE)) != 0) {
        fputc('\n', stream);
        print_words(stream, 0, parallel);
    }
    fprintf(stream, "\nExit status: %s\n", exit_status);
}

/* ---- the manual page ---- */

/* Text as roff takes it: hyphens that are typed, no escapes, no line that is a request. */
static void print_roff(FILE *stream, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stream);
    for (; *text != '\0'; text++)
        if (*text == '-')
            fputs("\\-", stream);
        else if (*text == '\\')
            fputs("\\e", stream);
        else
            fputc(*text, stream);
}

static void print_roff_entry(FILE *stream, const char *name, const char *before, const char *text)
{
    fputs(".TP\n.B ", stream);
    print_roff(stream, name);
    fputc('\n', stream);
    print_roff(stream, before);
    print_roff(stream, text);
    fputc('\n', stream);
}

static void print_roff_text(FILE *stream, const char *title, const char *text)
{
    fprintf(stream, ".SH %s\n", title);
    print_roff(stream, text);
    fputc('\n', stream);
}

static void print_roff_section(FILE *stream, int section)
{
    const struct option_help *option;
    char names[OPTION_LIST_SIZE];
    options_list_commands(sections[section].commands, names);
    fprintf(stream, ".SS %s (%s)\n", sections[section].title, names);
    for (int i = 0; (option = options_help(i)) != NULL; i++) {
        char name[OPTION_SIZE];
        if ((int)option->section != section)
            continue;
        name_option(option, name);
        name_commands(option, COMMAND_NONE, names);
        print_roff_entry(stream, name, names, option->text);
    }
}

static void print_manual(FILE *stream)
{
    const struct command_help *command;
    fprintf(stream,
            ".TH QKVSIM 1 \"\" \"qkvsim %s\"\n.SH NAME\nqkvsim \\- similarities of the Q, K and V "
            "activations of transformer layers\n.SH SYNOPSIS\n.B qkvsim\n.I command\n[options]\n",
            qkvsim_version());
    print_roff_text(stream, "DESCRIPTION", summary);
    fputs(".PP\n", stream);
    print_roff(stream, input);
    fputs("\n.SH COMMANDS\n", stream);
    for (int i = 0; (command = options_command_help(i)) != NULL; i++) {
        char usage[2 * OPTION_SIZE];
        snprintf(usage, sizeof usage, "%s %s", command->name, command->arguments);
        print_roff_entry(stream, usage, "", command->text);
    }
    print_roff_entry(stream, "help [command]", "", "all options, or those of a command");
    fputs(".SH OPTIONS\n", stream);
    for (int section = 0; section < OPTION_SECTIONS; section++)
        print_roff_section(stream, section);
    print_roff_text(stream, "PARALLEL RUNS", parallel);
    print_roff_text(stream, "EXIT STATUS", exit_status);
}

/* ---- completion ---- */

static void print_options_of(FILE *stream, const struct command_help *command)
{
    const struct option_help *option;
    fprintf(stream, "  %s) words=\"", command->name);
    const char *space = "";
    for (int i = 0; (option = options_help(i)) != NULL; i++)
        if ((option->commands & command->command) != 0) {
            fprintf(stream, "%s--%s", space, option->name);
            space = " ";
        }
    fputs("\" ;;\n", stream);
}

/* The first word is a command; after it, what begins with a dash is an option, and the rest
 * files. */
static void print_completion(FILE *stream)
{
    const struct command_help *command;
    fputs("# bash completion of qkvsim, made by `qkvsim help --completion`\n_qkvsim()\n{\n"
          "  local word=${COMP_WORDS[COMP_CWORD]} commands=\"",
          stream);
    for (int i = 0; (command = options_command_help(i)) != NULL; i++)
        fprintf(stream, "%s ", command->name);
    fputs("help\" words=\n  case ${COMP_WORDS[1]} in\n", stream);
    for (int i = 0; (command = options_command_help(i)) != NULL; i++)
        print_options_of(stream, command);
    fputs("  esac\n"
          "  COMPREPLY=()\n"
          "  if [[ $COMP_CWORD -eq 1 ]]; then words=\"$commands --help --version\"\n"
          "  elif [[ ${COMP_WORDS[1]} == help ]]; then words=$commands\n"
          "  elif [[ $word != -* ]]; then return\n"
          "  fi\n"
          "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
          "}\ncomplete -o default -F _qkvsim qkvsim qkvsim-mpi\n",
          stream);
}

bool help_write(FILE *stream, const void *content, struct failure *failure)
{
    const struct options *options = content;
    (void)failure;
    if (options->manual)
        print_manual(stream);
    else if (options->completion)
        print_completion(stream);
    else
        print_help(stream, (int)options->command);
    return ferror(stream) == 0;
}
