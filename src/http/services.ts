import type { Archives } from '../core/archive.ts'
import type { AuditCommands, AuditReader } from '../core/audit.ts'
import type { CatalogReader, HealthCheck, RepositorySpace } from '../core/catalog.ts'
import type { PlanReader, TaskCommands } from '../core/export.ts'
import type { ImportCommands, Uploads } from '../core/import.ts'
import type { Logins } from '../core/logins.ts'
import type { Metrics } from '../core/observation.ts'
import type { PasswordHasher } from '../core/password-hasher.ts'
import type { RepositoryFiles } from '../core/repository-files.ts'
import type { Sessions } from '../core/session.ts'
import type { DepotStatus } from '../core/statistics.ts'
import type { TaskReader } from '../core/task.ts'
import type { UserCommands, UserReader } from '../core/user.ts'

/** What the routes need of the depot; ready-made, so that the app can be built on the real thing or on another. */
export interface Services {
  readonly desk: TaskCommands
  readonly imports: ImportCommands
  readonly uploads: Uploads
  readonly tasks: TaskReader
  /** Tells a listener whenever an export may have changed; undefined: whoever follows them looks all the time. */
  readonly onExportsChange?: ((listener: () => void) => () => void) | undefined
  readonly plans: PlanReader
  readonly archives: Archives
  readonly catalog: CatalogReader
  readonly files: RepositoryFiles
  readonly space: () => Promise<RepositorySpace>
  readonly health: () => Promise<HealthCheck[]>
  readonly status: () => Promise<DepotStatus>
  readonly metrics: Metrics
  /** The repository directory, as the operator set it. */
  readonly importDirectory: string
  readonly sessions: Sessions
  readonly audit: AuditCommands
  readonly auditTrail: AuditReader
  /** Whether there is a user of this name. */
  readonly isUser: (userName: string) => boolean | Promise<boolean>
  /** The UUID of this depot. */
  readonly identity: string
  readonly logins: Logins
  readonly hasher: PasswordHasher
  readonly users: UserReader
  readonly userDesk: UserCommands
}
