/**
 * Lists and changes users through a server, or directly in the database of a data directory, for when no administrator
 * can log in.
 */
import type { ApiClient } from '../client/api-client.ts'
import { CommandError, EXIT } from '../terminal/exit.ts'
import { type ClientOptions, withServer } from './command.ts'

export interface ShownUser {
  readonly name: string
  readonly role: string
  /** ISO 8601. */
  readonly createdAt: string
}

export interface Users {
  list(): Promise<ShownUser[]>
  add(name: string, role: string, password: string): Promise<ShownUser>
  setPassword(name: string, password: string): Promise<ShownUser>
  setRole(name: string, role: string): Promise<ShownUser>
  remove(name: string): Promise<void>
}

export interface LocationOptions extends ClientOptions {
  /** Use the data directory of the settings, also while its server runs. */
  readonly local?: boolean
}

const PATH = '/api/v1/users'

/** @throws CommandError when the change is refused */
export async function withUsers<Result>(
  options: LocationOptions,
  environment: NodeJS.ProcessEnv,
  run: (users: Users) => Promise<Result>
): Promise<Result> {
  if (options.local === true) return withLocalUsers(run)
  return withServer(options, environment, ({ client }) => run(usersOfServer(client)))
}

function usersOfServer(client: ApiClient): Users {
  const pathOf = (name: string) => `${PATH}/${encodeURIComponent(name)}`
  return {
    list: async () => (await client.json<{ users: ShownUser[] }>({ path: PATH })).users,
    add: (name, role, password) => client.json({ method: 'POST', path: PATH, json: { name, password, role } }),
    setPassword: (name, password) => client.json({ method: 'PATCH', path: pathOf(name), json: { password } }),
    setRole: (name, role) => client.json({ method: 'PATCH', path: pathOf(name), json: { role } }),
    remove: (name) => client.json({ method: 'DELETE', path: pathOf(name) })
  }
}

async function withLocalUsers<Result>(run: (users: Users) => Promise<Result>): Promise<Result> {
  const [{ administerUsers }, { isForOperator }, { readConfig }] = await Promise.all([
    import('../../admin/users.ts'),
    import('../../admin/commands.ts'),
    import('../../config/config.ts')
  ])
  try {
    return await administerUsers(readConfig().storage, (admin) =>
      run({
        list: async () => (await admin.listUsers()).map(toShown),
        add: async (name, role, password) => toShown(await admin.addUser(name, role, password)),
        setPassword: async (name, password) => toShown(await admin.setPassword(name, password)),
        setRole: async (name, role) => toShown(await admin.setRole(name, role)),
        remove: (name) => admin.removeUser(name)
      })
    )
  } catch (error) {
    if (!isForOperator(error)) throw error
    throw new CommandError(EXIT.failed, error.name, error.message, '', { cause: error })
  }
}

function toShown({ name, role, createdAt }: { name: string; role: string; createdAt: Date }): ShownUser {
  return { name, role, createdAt: createdAt.toISOString() }
}
