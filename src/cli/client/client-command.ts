/** What verbs have in common, above all those that ask a server. */
import type { Command } from 'commander'
import { interruption } from '../interruption.ts'
import type { ApiClient } from './api-client.ts'
import type { ConnectionOptions } from './connection.ts'

/** What a verb is given; it says by `exit` how it has ended, unless that is well. */
export interface CliContext {
  readonly environment: NodeJS.ProcessEnv
  readonly exit: (code: number) => void
}

export interface ClientOptions extends ConnectionOptions {
  readonly json?: boolean
}

export function withJson(command: Command): Command {
  return command.option('--json', 'write JSON for scripts')
}

/** Adds the options that say which server is asked, and by whom. */
export function withConnection(command: Command): Command {
  return withJson(command)
    .optionsGroup('Connection:')
    .option('--url <url>', 'the server, such as https://depot.example:8443 [FIXDEPOT_URL]')
    .option('--user <name>', 'who asks [FIXDEPOT_USER; the password from FIXDEPOT_PASSWORD]')
    .option('--password-stdin', 'read the password from standard input')
    .option('--token <token>', 'ask with a token instead [FIXDEPOT_TOKEN]')
    .option('--ca-file <file>', 'PEM file of the certificates to trust [FIXDEPOT_CA_FILE]')
    .option('--insecure', 'take any certificate')
    .option('--profile <file>', 'read what is not given from this file [FIXDEPOT_PROFILE]')
}

export interface Session {
  readonly client: ApiClient
  readonly signal: AbortSignal
}

/** Runs what needs a server, and closes the connection behind it. What it loads, `--help` does not wait for. */
export async function withServer<Result>(
  options: ConnectionOptions,
  environment: NodeJS.ProcessEnv,
  run: (session: Session) => Promise<Result>
): Promise<Result> {
  const [{ createApiClient }, { resolveConnection }] = await Promise.all([
    import('./api-client.ts'),
    import('./connection.ts')
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
