/** The commands. Each loads its own code: a server has none of what the others need. */
import { parseArgs } from 'node:util'
import { readVersion } from './version.ts'

const USAGE = `Usage: fixdepot [command]

  serve              run the server; this is the default
  backup FILE        copy the database into FILE, also while the server runs
  doctor             check database, archives and catalog, and change nothing;
                     exit code 0: sound, 1: findings, 2: not everything could be checked
  doctor --rebuild   read the whole repository again, while the server is stopped
  audit verify       check the audit trail; --expect HASH: it must have a record with this
                     hash; exit codes as those of doctor
  audit export       write the audit trail to standard output, a line of JSON for each record;
                     --since TIME, --until TIME: only from a time on, or before one
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
  const { command, file, rebuild } = request
  if (command === 'help') process.stdout.write(USAGE)
  else if (command === 'version') process.stdout.write(`${readVersion()}\n`)
  else if (command === 'serve') await (await import('./serve.ts')).serve()
  else {
    const commands = await import('./admin/commands.ts')
    const { expect, since, until } = request
    if (command === 'audit verify') process.exitCode = await commands.runAuditVerify(expect)
    else if (command === 'audit export') process.exitCode = await commands.runAuditExport(since, until)
    else process.exitCode = command === 'backup' ? await commands.runBackup(file) : await commands.runDoctor(rebuild)
  }
}

interface Request {
  readonly command: 'serve' | 'backup' | 'doctor' | 'audit verify' | 'audit export' | 'help' | 'version'
  /** Of a backup. */
  readonly file: string
  /** Of the doctor. */
  readonly rebuild: boolean
  /** Of the audit trail. */
  readonly expect?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

function parse(args: readonly string[]): Request | undefined {
  const parsed = parseOrNothing(args)
  if (parsed === undefined) return undefined
  const { help = false, version = false, rebuild = false, expect, since, until } = parsed.values
  const [command = 'serve', ...operands] = parsed.positionals
  const none = { file: '', rebuild: false }
  if (help || command === 'help') return { command: 'help', ...none }
  if (version) return { command: 'version', ...none }
  if (command === 'audit') return parseAudit(operands, rebuild, { expect, since, until })
  if (expect !== undefined || since !== undefined || until !== undefined) return undefined
  if (command === 'doctor' && operands.length === 0) return { command, file: '', rebuild }
  const [file = '', ...others] = operands
  if (rebuild || others.length > 0) return undefined
  if (command === 'backup' && file !== '') return { command, file, rebuild }
  return command === 'serve' && operands.length === 0 ? { command, ...none } : undefined
}

function parseAudit(
  operands: readonly string[],
  rebuild: boolean,
  options: Pick<Request, 'expect' | 'since' | 'until'>
): Request | undefined {
  const { expect, since, until } = options
  const [word, ...others] = operands
  if (rebuild || others.length > 0) return undefined
  const isVerify = word === 'verify' && since === undefined && until === undefined
  if (!isVerify && (word !== 'export' || expect !== undefined)) return undefined
  return { command: `audit ${isVerify ? 'verify' : 'export'}`, file: '', rebuild, ...options }
}

function parseOrNothing(args: readonly string[]) {
  try {
    const flag = { type: 'boolean' } as const
    const text = { type: 'string' } as const
    const audit = { expect: text, since: text, until: text } as const
    const options = { help: { ...flag, short: 'h' }, version: flag, rebuild: flag, ...audit } as const
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch {
    return undefined
  }
}
