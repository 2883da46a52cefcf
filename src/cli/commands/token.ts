import type { Command } from 'commander'
import { humanTime, log, print, printable, printJson, tableLines } from '../terminal/output.ts'
import { type CliContext, type ClientOptions, withConnection, withServer } from './command.ts'
import { roleOption } from './user.ts'

interface Token {
  readonly id: string
  readonly user: string
  readonly name: string
  readonly role: string
  readonly expiresAt: string | null
  readonly lastUsedAt: string | null
}

interface TokenOptions extends ClientOptions {
  readonly role: string
  readonly expiresIn?: string
}

const TOKENS = '/api/v1/tokens'
const COLUMNS = ['ID', 'USER', 'NAME', 'ROLE', 'EXPIRES', 'LAST USED'].map((title) => ({ title }))

/** `fixdepot token …`: tokens with which programs log in. */
export function addToken(program: Command, { environment }: CliContext): void {
  const group = program.command('token').description('list, add and revoke tokens for programs')

  withConnection(group.command('list').description('list the tokens')).action((options: ClientOptions) =>
    withServer(options, environment, async ({ client }) => {
      const { tokens } = await client.json<{ tokens: Token[] }>({ path: TOKENS })
      if (options.json) return printJson(tokens)
      const rows = tokens.map(({ id, user, name, role, expiresAt, lastUsedAt }) => [
        id,
        user,
        name,
        role,
        expiresAt === null ? 'never' : humanTime(expiresAt),
        humanTime(lastUsedAt)
      ])
      for (const line of tableLines(COLUMNS, rows)) print(line)
    })
  )

  const add = group
    .command('add')
    .description('add a token; it is shown only once')
    .argument('<name>', 'the purpose of the token')
    .addOption(roleOption())
    .option('--expires-in <time>', 'lifetime, such as 12h, 90d or 4w (default: no expiry)')
  withConnection(add).action((name: string, options: TokenOptions) =>
    withServer(options, environment, async ({ client }) => {
      const { role, expiresIn } = options
      const json = { name, role, ...(expiresIn === undefined ? {} : { expiresIn }) }
      const added = await client.json<Token & { token: string }>({ method: 'POST', path: TOKENS, json })
      if (options.json) return printJson(added)
      log('The token is shown only once:')
      print(printable(added.token))
    })
  )

  const revoke = group
    .command('revoke')
    .description('revoke a token')
    .argument('<id>', 'the id in the output of token list')
  withConnection(revoke).action((id: string, options: ClientOptions) =>
    withServer(options, environment, async ({ client }) => {
      await client.json({ method: 'DELETE', path: `${TOKENS}/${encodeURIComponent(id)}` })
      if (options.json) printJson({ id })
      else print(printable(`The token ${id} was revoked.`))
    })
  )
}
