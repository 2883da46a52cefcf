/**
 * Scripts that complete verbs and options in the shells. Values are completed as file names, as shells do by
 * themselves.
 */
import type { Command } from 'commander'

/** What can stand behind some words. */
interface Words {
  /** Verbs before it, such as `token add`; empty at the beginning. */
  readonly path: string
  readonly verbs: readonly Word[]
  readonly options: readonly Word[]
}

interface Word {
  readonly word: string
  readonly description: string
}

export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const all = wordsOf(program, '')
  if (shell === 'fish') return fishScript(all)
  return shell === 'bash' ? bashScript(all) : zshScript(all)
}

function wordsOf(command: Command, path: string): Words[] {
  const options = command.createHelp().visibleOptions(command)
  const own = {
    path,
    verbs: command.commands.map((verb) => ({ word: verb.name(), description: verb.description() })),
    options: options.map((option) => ({ word: option.long ?? option.short ?? '', description: option.description }))
  }
  return [own, ...command.commands.flatMap((verb) => wordsOf(verb, `${path} ${verb.name()}`.trim()))]
}

const textOf = ({ verbs, options }: Words) => [...verbs, ...options].map(({ word }) => word).join(' ')

/** The words that came before, without options: as many of them count as name a verb. */
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
${all.map((words) => `    '${words.path}') entries=(${[...words.verbs, ...words.options].map(described).join(' ')}) ;;`).join('\n')}
  esac
  _describe fixdepot entries
  _files
}
compdef _fixdepot fixdepot
`
}

function fishScript(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, verbs, options }) => {
    const condition =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ')
    return [
      ...verbs.map(
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
