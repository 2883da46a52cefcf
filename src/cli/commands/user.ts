import { type Command, Option } from 'commander'
import { humanTime, print, printable, printJson, tableLines } from '../terminal/output.ts'
import { type LocationOptions, type ShownUser, withUsers } from './change-users.ts'
import { type CliContext, type ClientOptions, withConnection } from './command.ts'

export const ROLES = ['viewer', 'exporter', 'operator', 'admin'] as const

interface UserOptions extends LocationOptions {
  readonly role: string
  readonly newPasswordStdin?: boolean
}

const COLUMNS = [{ title: 'NAME' }, { title: 'ROLE' }, { title: 'CREATED' }] as const

/** `fixdepot user …`: the users and their roles. */
export function addUser(program: Command, { environment }: CliContext): void {
  const group = program.command('user').description('list, add, change and remove users')
  const report = (options: ClientOptions, user: ShownUser, sentence: string) =>
    options.json ? printJson(user) : print(printable(sentence))

  withLocation(group.command('list').description('list the users')).action((options: LocationOptions) =>
    withUsers(options, environment, async (users) => {
      const all = await users.list()
      if (options.json) return printJson(all)
      const rows = all.map(({ name, role, createdAt }) => [name, role, humanTime(createdAt)])
      for (const line of tableLines(COLUMNS, rows)) print(line)
    })
  )

  const add = group.command('add').description('add a user').argument('<name>').addOption(roleOption())
  withLocation(withNewPassword(add)).action((name: string, options: UserOptions) =>
    withUsers(options, environment, async (users) => {
      const user = await users.add(name, options.role, await newPassword(name, options))
      report(options, user, `The user ${name} can log in.`)
    })
  )

  const passwd = group.command('passwd').description('change the password of a user').argument('<name>')
  withLocation(withNewPassword(passwd)).action((name: string, options: UserOptions) =>
    withUsers(options, environment, async (users) => {
      const user = await users.setPassword(name, await newPassword(name, options))
      report(options, user, `The password of the user ${name} was changed.`)
    })
  )

  const role = group.command('role').description('change the role of a user').argument('<name>')
  withLocation(role.addOption(roleOption())).action((name: string, options: UserOptions) =>
    withUsers(options, environment, async (users) => {
      report(options, await users.setRole(name, options.role), `The user ${name} now has the role ${options.role}.`)
    })
  )

  const remove = group.command('remove').description('remove a user with its sessions and tokens').argument('<name>')
  withLocation(remove).action((name: string, options: LocationOptions) =>
    withUsers(options, environment, async (users) => {
      await users.remove(name)
      if (options.json) printJson({ name })
      else print(printable(`The user ${name} was removed.`))
    })
  )
}

function withLocation(command: Command): Command {
  const description = 'use the data directory of the settings instead of a server, for when no administrator can log in'
  return withConnection(command).addOption(new Option('--local', description).conflicts(['url', 'token', 'profile']))
}

export function roleOption(): Option {
  return new Option('--role <role>', 'the rights').choices(ROLES).makeOptionMandatory()
}

/** Standard input has only one password: --password-stdin cannot be combined. */
function withNewPassword(command: Command): Command {
  const description = 'read the new password from standard input instead of the terminal'
  return command.addOption(new Option('--new-password-stdin', description).conflicts('passwordStdin'))
}

async function newPassword(name: string, { newPasswordStdin }: UserOptions): Promise<string> {
  const { askPassword, readPasswordLine } = await import('../terminal/ask-password.ts')
  return newPasswordStdin ? readPasswordLine('--new-password-stdin') : askPassword(name, 'New password')
}
