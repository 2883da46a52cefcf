/** The commands. Each loads its own code: a server has none of what the others need. */
import { parseArgs } from 'node:util'
import { readVersion } from './version.ts'

const USAGE = `Usage: fixdepot [command]

  serve              run the server; this is the default
  backup FILE        copy the database into FILE, also while the server runs
  doctor             check database, archives and catalog, and change nothing;
                     exit code 0: sound, 1: findings, 2: not everything could be checked
  doctor --rebuild   read the whole repository again, while the server is stopped
  support-bundle FILE [--log FILE]
                     write settings, versions, the doctor's findings and the end of a log into
                     FILE (.tar), without secrets, for somebody who helps
  help, --help       show this
  --version          show the version

Settings come from the environment and from .env, as README.md says.
`

/** The command was not understood, or nothing could be checked. */
const NOT_DONE = 2

/** Runs the command that the arguments name. */
export async function runCommand(args: readonly string[]): Promise<void> {
  const request = parse(args)
  if (request === undefined) {
    process.stderr.write(USAGE)
    process.exitCode = NOT_DONE
    return
  }
  const { command, file, rebuild, log } = request
  if (command === 'help') process.stdout.write(USAGE)
  else if (command === 'version') process.stdout.write(`${readVersion()}\n`)
  else if (command === 'serve') await (await import('./serve.ts')).serve()
  else {
    const { runBackup, runDoctor, runSupportBundle } = await import('./admin/commands.ts')
    if (command === 'support-bundle') process.exitCode = await runSupportBundle(file, log)
    else process.exitCode = command === 'backup' ? await runBackup(file) : await runDoctor(rebuild)
  }
}

interface Request {
  readonly command: 'serve' | 'backup' | 'doctor' | 'support-bundle' | 'help' | 'version'
  /** Of a backup or a bundle. */
  readonly file: string
  /** Of the doctor. */
  readonly rebuild: boolean
  /** Of a bundle: the log of the server. */
  readonly log?: string | undefined
}

function parse(args: readonly string[]): Request | undefined {
  const parsed = parseOrNothing(args)
  if (parsed === undefined) return undefined
  const { help = false, version = false, rebuild = false, log } = parsed.values
  const [command = 'serve', ...operands] = parsed.positionals
  const none = { file: '', rebuild: false }
  if (help || command === 'help') return { command: 'help', ...none }
  if (version) return { command: 'version', ...none }
  if (command === 'doctor' && operands.length === 0 && log === undefined) return { command, file: '', rebuild }
  const [file = '', ...others] = operands
  if (command === 'support-bundle' && file !== '' && others.length === 0 && !rebuild)
    return { command, file, rebuild, log }
  if (log !== undefined) return undefined
  if (rebuild || others.length > 0) return undefined
  if (command === 'backup' && file !== '') return { command, file, rebuild }
  return command === 'serve' && operands.length === 0 ? { command, ...none } : undefined
}

function parseOrNothing(args: readonly string[]) {
  try {
    const flag = { type: 'boolean' } as const
    const options = { help: { ...flag, short: 'h' }, version: flag, rebuild: flag, log: { type: 'string' } } as const
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch {
    return undefined
  }
}
