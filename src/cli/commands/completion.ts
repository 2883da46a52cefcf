/** `fixdepot completion SHELL`: a completion script for commands and options. Shells complete values as file names. */
import { Argument, type Command } from 'commander'
import { print } from '../terminal/output.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

type Shell = (typeof SHELLS)[number]

/** The script is made from the program itself, so that it has every command and every option. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script; to use it: source <(fixdepot completion bash)')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => print(completionScript(program, shell).trimEnd()))
}

/** The words that can follow a command. */
interface Words {
  /** The command and its subcommand, such as `token add`; empty for the program. */
  readonly path: string
  readonly commands: readonly Word[]
  readonly options: readonly Word[]
}

interface Word {
  readonly word: string
  readonly description: string
}

function completionScript(program: Command, shell: Shell): string {
  const all = wordsOf(program, '')
  if (shell === 'fish') return fishScript(all)
  return shell === 'bash' ? bashScript(all) : zshScript(all)
}

function wordsOf(command: Command, path: string): Words[] {
  const options = command.createHelp().visibleOptions(command)
  const own = {
    path,
    commands: command.commands.map((sub) => ({ word: sub.name(), description: sub.description() })),
    options: options.map((option) => ({ word: option.long ?? option.short ?? '', description: option.description }))
  }
  return [own, ...command.commands.flatMap((sub) => wordsOf(sub, `${path} ${sub.name()}`.trim()))]
}

const textOf = ({ commands, options }: Words) => [...commands, ...options].map(({ word }) => word).join(' ')

/** Options before the cursor are skipped; the other words select the command as far as they name one. */
function bashScript(all: readonly Words[]): string {
  return `# bash completion of fixdepot
_fixdepot() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ "$word" == -* ]] && continue
    case "\${path:+$path }$word" in
${all
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path}') path='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${all.map((words) => `    '${words.path}') words='${textOf(words)}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _fixdepot fixdepot
`
}

function zshScript(all: readonly Words[]): string {
  const described = ({ word, description }: Word) => `'${quoted(word.replaceAll(':', '\\:'))}:${quoted(description)}'`
  return `#compdef fixdepot
# zsh completion of fixdepot
_fixdepot() {
  local path="" word
  local -a entries
  for word in \${words[2,CURRENT-1]}; do
    [[ "$word" == -* ]] && continue
    case "\${path:+$path }$word" in
${all
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path}') path='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${all.map((words) => `    '${words.path}') entries=(${[...words.commands, ...words.options].map(described).join(' ')}) ;;`).join('\n')}
  esac
  _describe fixdepot entries
  _files
}
compdef _fixdepot fixdepot
`
}

function fishScript(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, commands, options }) => {
    const condition =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ')
    return [
      ...commands.map(
        ({ word, description }) =>
          `complete -c fixdepot -f -n '${condition}' -a ${word} -d '${fishQuoted(description)}'`
      ),
      ...options.map(
        ({ word, description }) =>
          `complete -c fixdepot -n '${condition}' -l ${word.replace(/^-+/, '')} -d '${fishQuoted(description)}'`
      )
    ]
  })
  return `# fish completion of fixdepot\n${lines.join('\n')}\n`
}

function quoted(text: string): string {
  return text.replaceAll("'", "'\\''")
}

function fishQuoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
}
