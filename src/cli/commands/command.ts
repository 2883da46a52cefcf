/** What the commands share: their context, common options, and a session with a server. */
import type { Command } from 'commander'
import type { ApiClient } from '../client/api-client.ts'
import type { ConnectionOptions } from '../client/connection.ts'
import { interruption } from '../terminal/exit.ts'

export interface CliContext {
  readonly environment: NodeJS.ProcessEnv
  /** Sets the exit code; a command that does not call it exits with 0. */
  readonly exit: (code: number) => void
}

export interface ClientOptions extends ConnectionOptions {
  readonly json?: boolean
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON, for scripts')
}

/** Adds the options that select the server and the login. */
export function withConnection(command: Command): Command {
  return withJson(command)
    .optionsGroup('Connection:')
    .option('--url <url>', 'the server, such as https://depot.example:8443 [FIXDEPOT_URL]')
    .option('--user <name>', 'the user to log in as [FIXDEPOT_USER; the password from FIXDEPOT_PASSWORD]')
    .option('--password-stdin', 'read the password from standard input')
    .option('--token <token>', 'log in with a token instead [FIXDEPOT_TOKEN]')
    .option('--ca-file <file>', 'PEM file of the certificates to trust [FIXDEPOT_CA_FILE]')
    .option('--insecure', 'accept any certificate')
    .option('--profile <file>', 'file with values for the options that are not given [FIXDEPOT_PROFILE]')
}

export interface Session {
  readonly client: ApiClient
  readonly signal: AbortSignal
}

/**
 * Connects to the server, calls `run`, and closes the connection. The client is loaded here, so that `--help` does not
 * wait for it.
 */
export async function withServer<Result>(
  options: ConnectionOptions,
  environment: NodeJS.ProcessEnv,
  run: (session: Session) => Promise<Result>
): Promise<Result> {
  const [{ createApiClient }, { resolveConnection }] = await Promise.all([
    import('../client/api-client.ts'),
    import('../client/connection.ts')
  ])
  const connection = await resolveConnection(options, environment)
  const signal = interruption()
  const client = createApiClient(connection, signal)
  try {
    return await run({ client, signal })
  } finally {
    client.close()
  }
}
