import type { Command } from 'commander'
import { humanTime, print, printable, printJson, tableLines, tell } from '../terminal/output.ts'
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

/** `fixdepot token …`: what programs log in with. */
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
    .description('make a token; it is shown this once')
    .argument('<name>', 'what it is for')
    .addOption(roleOption())
    .option('--expires-in <time>', 'when it ends, such as 12h, 90d or 4w; without it, it does not end')
  withConnection(add).action((name: string, options: TokenOptions) =>
    withServer(options, environment, async ({ client }) => {
      const { role, expiresIn } = options
      const json = { name, role, ...(expiresIn === undefined ? {} : { expiresIn }) }
      const made = await client.json<Token & { token: string }>({ method: 'POST', path: TOKENS, json })
      if (options.json) return printJson(made)
      tell('The token is shown this once:')
      print(printable(made.token))
    })
  )

  const revoke = group.command('revoke').description('revoke a token').argument('<id>', 'as token list shows it')
  withConnection(revoke).action((id: string, options: ClientOptions) =>
    withServer(options, environment, async ({ client }) => {
      await client.json({ method: 'DELETE', path: `${TOKENS}/${encodeURIComponent(id)}` })
      if (options.json) printJson({ id })
      else print(printable(`The token ${id} is revoked.`))
    })
  )
}
