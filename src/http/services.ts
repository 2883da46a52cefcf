import type { AuditCommands, AuditReader } from '../core/accounts/audit.ts'
import type { Logins } from '../core/accounts/logins.ts'
import type { PasswordHasher } from '../core/accounts/password-hasher.ts'
import type { Sessions } from '../core/accounts/session.ts'
import type { UserCommands, UserReader } from '../core/accounts/user.ts'
import type { CatalogReader, RepositoryFiles, RepositorySpace } from '../core/catalog/catalog.ts'
import type { Archives } from '../core/export/archive.ts'
import type { PlanReader } from '../core/export/plan.ts'
import type { TaskCommands } from '../core/export/task-commands.ts'
import type { ImportCommands, Uploads } from '../core/import/import.ts'
import type { DepotStatus, HealthCheck } from '../core/tasks/statistics.ts'
import type { TaskReader } from '../core/tasks/task.ts'
import type { Metrics } from '../core/tasks/telemetry.ts'

/** The parts of the depot that the routes use. Tests pass their own. */
export interface Services {
  readonly commands: TaskCommands & ImportCommands & UserCommands & AuditCommands
  readonly uploads: Uploads
  readonly tasks: TaskReader
  /** Calls the listener when an export may have changed. Undefined: the event routes poll. Returns the unsubscriber. */
  readonly onExportsChange?: ((listener: () => void) => () => void) | undefined
  readonly plans: PlanReader
  readonly archives: Archives
  readonly catalog: CatalogReader
  readonly files: RepositoryFiles
  readonly space: () => Promise<RepositorySpace>
  readonly health: () => Promise<HealthCheck[]>
  readonly status: () => Promise<DepotStatus>
  readonly metrics: Metrics
  /** The repository directory, as configured. */
  readonly importDirectory: string
  readonly sessions: Sessions
  readonly auditTrail: AuditReader
  /** Whether there is a user of this name. */
  readonly isUser: (userName: string) => boolean | Promise<boolean>
  /** The UUID of this depot. */
  readonly identity: string
  readonly logins: Logins
  readonly hasher: PasswordHasher
  readonly users: UserReader
}
