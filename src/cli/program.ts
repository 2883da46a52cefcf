/** The program with all its verbs: what the arguments mean, and how a command ends. */
import { Command, CommanderError } from 'commander'
import { readVersion } from '../version.ts'
import type { CliContext } from './client/client-command.ts'
import { CommandError, EXIT } from './exit.ts'
import { addAudit } from './verbs/audit.ts'
import { addBackup } from './verbs/backup.ts'
import { addCompletion } from './verbs/completion.ts'
import { addDoctor } from './verbs/doctor.ts'
import { addExport } from './verbs/export.ts'
import { addHealth } from './verbs/health.ts'
import { addImport } from './verbs/import.ts'
import { addList } from './verbs/list.ts'
import { addMigrate } from './verbs/migrate.ts'
import { addMigrateStore } from './verbs/migrate-store.ts'
import { addScan } from './verbs/scan.ts'
import { addServe } from './verbs/serve.ts'
import { addShow } from './verbs/show.ts'
import { addStatus } from './verbs/status.ts'
import { addSupportBundle } from './verbs/support-bundle.ts'
import { addToken } from './verbs/token.ts'
import { addUser } from './verbs/user.ts'
import { addVerify } from './verbs/verify.ts'

/** In the order in which the help lists them: a further verb, or a group of them, is a file and a line here. */
const VERBS: readonly ((program: Command, context: CliContext) => void)[] = [
  addServe,
  addStatus,
  addScan,
  addList,
  addShow,
  addExport,
  addImport,
  addUser,
  addToken,
  addVerify,
  addBackup,
  addDoctor,
  addMigrate,
  addMigrateStore,
  addAudit,
  addSupportBundle,
  addHealth,
  addCompletion
]

const EPILOGUE = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage or setting, 3 not allowed, 4 not found, 5 server not reached,
130 interrupted. The settings of the server come from the environment and from .env, as docs/configuration.md says.`

export function buildProgram(context: CliContext): Command {
  const program = new Command('fixdepot')
    .description('A repository of server firmware: the server, and what asks it.')
    .version(readVersion(), '--version', 'show the version')
    .helpOption('-h, --help', 'show the help')
    .helpCommand('help [command]', 'show the help')
    .addHelpText('after', EPILOGUE)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`fixdepot: ${text.replace(/^error: /, '').trimEnd()}\nTry fixdepot --help.\n`)
    })
  for (const add of VERBS) add(program, context)
  return program
}

/**
 * Runs the command that the arguments name.
 * @param args without the program itself
 * @returns the code to exit with
 */
export async function runProgram(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  endQuietlyWithItsReader()
  let code: number = EXIT.ok
  const exit = (given: number) => {
    code = given
  }
  try {
    await buildProgram({ environment, exit }).parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (!(error instanceof CommandError)) throw error
    explain(error, args.includes('--json'))
    return error.exitCode
  }
}

function explain({ message, code, exitCode, recovery }: CommandError, isJson: boolean): void {
  const text = isJson
    ? JSON.stringify({ error: message, code, exitCode, recovery })
    : `fixdepot: ${[message, recovery].filter((part) => part !== '').join(' ')}`
  process.stderr.write(`${text}\n`)
}

/** Whoever reads only the first lines, as `head` does, wants no more: that is no failure. */
function endQuietlyWithItsReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(EXIT.ok)
  })
}
