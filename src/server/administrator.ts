/** Sees at the start that there is an administrator. */
import type { AccountsConfig } from '../config/accounts.ts'
import { makePassword } from '../core/accounts/password.ts'
import type { PasswordHasher } from '../core/accounts/password-hasher.ts'
import { normalName } from '../core/accounts/user-name.ts'
import { createUserReader } from '../store/accounts/user-reader.ts'
import { createUserCommands } from '../store/accounts/user-writer.ts'
import type { Database } from '../store/engine/database.ts'

/**
 * With a password in the settings, their user is an administrator with that password. Without one, an administrator
 * with a new password is made when there is none.
 * @returns the password, when it had to be made
 */
export async function prepareAdministrator(
  db: Database,
  { adminUser, adminPassword }: Pick<AccountsConfig, 'adminUser' | 'adminPassword'>,
  hasher: PasswordHasher,
  now: Date
): Promise<string | undefined> {
  const name = normalName(adminUser)
  if (adminPassword !== undefined) {
    await haveAdministrator(db, name, adminPassword, hasher, now)
    return undefined
  }
  const users = await createUserReader(db).listUsers()
  if (users.some(({ role }) => role === 'admin')) return undefined
  const madePassword = makePassword()
  const passwordHash = await hasher.hash(madePassword)
  const isUser = users.some((user) => user.name === name)
  const commands = createUserCommands(db)
  if (isUser) await commands.changeUser({ name, role: 'admin', passwordHash, changedAt: now })
  else await commands.addUser({ name, role: 'admin', passwordHash, createdAt: now })
  return madePassword
}

/** Changes nothing, and ends no session, where all is as it should be. */
async function haveAdministrator(
  db: Database,
  name: string,
  password: string,
  hasher: PasswordHasher,
  now: Date
): Promise<void> {
  const known = await createUserReader(db).findUser(name)
  const commands = createUserCommands(db)
  if (known === undefined) {
    await commands.addUser({ name, role: 'admin', passwordHash: await hasher.hash(password), createdAt: now })
    return
  }
  const { isRight, isOutdated } = await hasher.verify(password, known.passwordHash)
  if (isRight && !isOutdated && known.role === 'admin') return
  if (isRight && isOutdated) {
    await commands.rehashPassword({ userId: known.id, version: known.version, hash: await hasher.hash(password) })
  }
  const passwordHash = isRight ? undefined : await hasher.hash(password)
  await commands.changeUser({ name, role: 'admin', passwordHash, changedAt: now })
}
