import { type Command, Option } from 'commander'
import { type ClientOptions, type Surroundings, withConnection, withServer } from '../client-command.ts'
import { humanTime, print, printable, printJson, tableLines } from '../output.ts'

export const ROLES = ['viewer', 'exporter', 'operator', 'admin'] as const

interface User {
  readonly name: string
  readonly role: string
  readonly createdAt: string
}

interface UserOptions extends ClientOptions {
  readonly role: string
  readonly newPasswordStdin?: boolean
}

const COLUMNS = [{ title: 'NAME' }, { title: 'ROLE' }, { title: 'CREATED' }] as const
const USERS = '/api/v1/users'

/** `fixdepot user …`: who may log in, and what they may do. */
export function addUser(program: Command, { environment }: Surroundings): void {
  const group = program.command('user').description('list, add, change and remove users')
  const told = (options: ClientOptions, user: User, sentence: string) =>
    options.json ? printJson(user) : print(printable(sentence))

  withConnection(group.command('list').description('list the users')).action((options: ClientOptions) =>
    withServer(options, environment, async ({ client }) => {
      const { users } = await client.json<{ users: User[] }>({ path: USERS })
      if (options.json) printJson(users)
      else {
        const rows = users.map(({ name, role, createdAt }) => [name, role, humanTime(createdAt)])
        for (const line of tableLines(COLUMNS, rows)) print(line)
      }
    })
  )

  const add = group.command('add').description('add a user').argument('<name>').addOption(roleOption())
  withConnection(withNewPassword(add)).action((name: string, options: UserOptions) =>
    withServer(options, environment, async ({ client }) => {
      const json = { name, password: await newPassword(name, options), role: options.role }
      told(options, await client.json<User>({ method: 'POST', path: USERS, json }), `The user ${name} can log in.`)
    })
  )

  const passwd = group.command('passwd').description('give a user another password').argument('<name>')
  withConnection(withNewPassword(passwd)).action((name: string, options: UserOptions) =>
    withServer(options, environment, async ({ client }) => {
      const json = { password: await newPassword(name, options) }
      const user = await client.json<User>({ method: 'PATCH', path: pathOf(name), json })
      told(options, user, `The user ${name} has another password.`)
    })
  )

  const role = group.command('role').description('give a user another role').argument('<name>')
  withConnection(role.addOption(roleOption())).action((name: string, options: UserOptions) =>
    withServer(options, environment, async ({ client }) => {
      const user = await client.json<User>({ method: 'PATCH', path: pathOf(name), json: { role: options.role } })
      told(options, user, `The user ${name} is ${options.role} now.`)
    })
  )

  const remove = group.command('remove').description('remove a user, with sessions and tokens').argument('<name>')
  withConnection(remove).action((name: string, options: ClientOptions) =>
    withServer(options, environment, async ({ client }) => {
      await client.json({ method: 'DELETE', path: pathOf(name) })
      if (options.json) printJson({ name })
      else print(printable(`The user ${name} is removed.`))
    })
  )
}

const pathOf = (name: string) => `${USERS}/${encodeURIComponent(name)}`

export function roleOption(): Option {
  return new Option('--role <role>', 'what may be done').choices(ROLES).makeOptionMandatory()
}

/** One line of standard input can hold one password only. */
function withNewPassword(command: Command): Command {
  const description = 'read the new password from standard input, instead of asking for it'
  return command.addOption(new Option('--new-password-stdin', description).conflicts('passwordStdin'))
}

async function newPassword(name: string, { newPasswordStdin }: UserOptions): Promise<string> {
  const { askPassword, readPasswordLine } = await import('../ask-password.ts')
  return newPasswordStdin ? readPasswordLine('--new-password-stdin') : askPassword(name, 'New password')
}
