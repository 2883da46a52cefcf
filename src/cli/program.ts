/** The program with all its commands; maps arguments to a command, and its end to an exit code. */
import { Command, CommanderError } from 'commander'
import { readVersion } from '../version.ts'
import { addAdministration } from './commands/administration.ts'
import type { CliContext } from './commands/command.ts'
import { addCompletion } from './commands/completion.ts'
import { addExport } from './commands/export.ts'
import { addHealth } from './commands/health.ts'
import { addImport } from './commands/import.ts'
import { addList } from './commands/list.ts'
import { addScan } from './commands/scan.ts'
import { addShow } from './commands/show.ts'
import { addStatus } from './commands/status.ts'
import { addToken } from './commands/token.ts'
import { addUser } from './commands/user.ts'
import { addVerify } from './commands/verify.ts'
import { CommandError, EXIT } from './terminal/exit.ts'

/** In the order in which the help lists them. */
const COMMANDS: readonly ((program: Command, context: CliContext) => void)[] = [
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
  addAdministration,
  addHealth,
  addCompletion
]

const EPILOGUE = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage or setting, 3 not allowed, 4 not found, 5 server not reached,
130 interrupted. The server reads its settings from the environment and from .env: see docs/configuration.md.`

export function buildProgram(context: CliContext): Command {
  const program = new Command('fixdepot')
    .description('A repository of server firmware: the server, and commands that call it or manage its data.')
    .version(readVersion(), '--version', 'show the version')
    .helpOption('-h, --help', 'show the help')
    .helpCommand('help [command]', 'show the help')
    .addHelpText('after', EPILOGUE)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`fixdepot: ${text.replace(/^error: /, '').trimEnd()}\nTry fixdepot --help.\n`)
    })
  for (const add of COMMANDS) add(program, context)
  return program
}

/** `main.ts` starts the server without this program: it loads nothing of the other commands. */
function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the server; fixdepot without a command does the same')
    .action(async () => (await import('../server/serve.ts')).serve())
}

/**
 * Runs the command that the arguments name.
 * @param args without the name of the program
 * @returns the exit code
 */
export async function runProgram(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  exitWhenOutputIsClosed()
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

/** A consumer such as `head` closes the pipe after the first lines: that is no error. */
function exitWhenOutputIsClosed(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(EXIT.ok)
  })
}
