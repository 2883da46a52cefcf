/** The tables for Kysely, equal to those of the newest migration. Rows never leave `store`. */
import type { Generated } from 'kysely'

export interface Schema {
  catalog: CatalogTable
  file_index: FileIndexTable
  package: PackageTable
  file: FileTable
  package_file: PackageFileTable
  package_machine_type: PackageMachineTypeTable
  package_member: PackageReferenceTable
  package_requisite: PackageReferenceTable
  package_property: PackagePropertyTable
  catalog_problem: CatalogProblemTable
  plan: PlanTable
  plan_entry: PlanEntryTable
  job: JobTable
  import_job: ImportJobTable
  import_file: ImportFileTable
  import_change: ImportChangeTable
  import_package: ImportPackageTable
  task: TaskTable
  task_count: TaskCountTable
  task_message: TaskMessageTable
  user: UserTable
  token: TokenTable
  login_failure: LoginFailureTable
  session: SessionTable
  identity: IdentityTable
  audit: AuditTable
  server: ServerTable
  upload: UploadTable
}

/** One row: when the repository was last scanned, and whether the packages were made from the current file index. */
interface CatalogTable {
  id: number
  read_at: number | null
  is_current: number
  /** Number of deletions of packages. */
  deletions: Generated<number>
}

/** The facts of a file when it was last read; valid while the stamp of the file is equal. */
interface FileIndexTable {
  path: string
  /** Size, time of change in nanoseconds, inode. */
  stamp: string
  crc32: number
  sha256: string
  /** The content of a metadata file as JSON; null for other files. */
  contents: string | null
  /** Version of the metadata reader that has read it. */
  reader_version: number
}

export interface PackageTable {
  id: Generated<number>
  fixid: string
  kind: string
  form: string
  name: string
  version: string
  build_number: string
  category: string
  vendor: string
  description: string
  severity: string
  release_date: string
  update_type: string
  reboot_required: string
  payload_state: string
  /** The metadata file. */
  metadata_path: string
  /** Packages of one product line replace each other; the one with the greatest version key is the latest. */
  product_line: string
  version_key: string
  /** Changes with every change of the package or its files. */
  fingerprint: string
}

interface FileTable {
  id: Generated<number>
  path: string
  size: number
  crc32: number
  sha256: string
  modified_at: number
}

interface PackageFileTable {
  package_id: number
  file_id: number
  role: string
}

interface PackageMachineTypeTable {
  machine_type: string
  package_id: number
  name: string
}

/** A fixid that a package refers to; it need not be in the repository. */
interface PackageReferenceTable {
  package_id: number
  position: number
  fixid: string
  kind: string
}

interface PackagePropertyTable {
  package_id: number
  name: string
  position: number
  value: string
}

interface CatalogProblemTable {
  path: string
  code: string
  text: string
}

export interface PlanTable {
  id: Generated<number>
  digest: string
  package_count: number
  entry_count: number
  directory_offset: number
  archive_size: number
  archive_name: Generated<string | null>
  /** See ArchiveState. */
  archive_state: Generated<string>
  /** When the archive, or the plan of a streamed archive, may be removed. */
  kept_until: Generated<number | null>
}

export interface PlanEntryTable {
  plan_id: number
  position: number
  path: string
  size: number
  crc32: number
  sha256: string
  modified_at: number
  offset: number
  fixid: string
  packages_done: number
}

/** What a worker does for one or several tasks. */
export interface JobTable {
  id: Generated<number>
  kind: string
  /** `open` (an import that waits for its files), `queued`, `running`, `ended`. */
  state: string
  plan_id: number | null
  packages_done: Generated<number>
  packages_total: Generated<number>
  bytes_done: Generated<number>
  bytes_total: Generated<number>
  /** The durable part of the archive; see Checkpoint. */
  checkpoint_offset: Generated<number>
  checkpoint_position: Generated<number>
  checkpoint_crc32: Generated<number>
  /** The process that runs it. */
  lease_owner: Generated<string | null>
  /** Increases with every claim: a worker with an older token has lost the job. */
  lease_token: Generated<number>
  /** Increases while the owner is alive. */
  lease_heartbeat: Generated<number>
  /** How many workers have died while they ran it. */
  crashes: Generated<number>
  /** When it was first claimed. */
  started_at: number | null
  /** When it was last claimed, and its `bytes_done` at that time. */
  run_started_at: Generated<number | null>
  run_started_bytes: Generated<number>
}

/** An import; deleted after it has ended. */
export interface ImportJobTable {
  job_id: number
  /** Directory of its files, relative to the directory of incoming files. */
  directory: string
  is_replacing: number
  /** While it is open, the end of the wait for its files. */
  expires_at: number | null
}

/** A file of an import; until it is received, the columns of its content are null. */
interface ImportFileTable {
  job_id: number
  name: string
  announced_size: number
  size: number | null
  crc32: number | null
  sha256: string | null
}

/** A decided change of an import: after the decision, the import ends by making all its changes. See ImportChange. */
interface ImportChangeTable {
  job_id: number
  position: number
  path: string
  staged: string | null
}

/** A package whose files change by an import. */
interface ImportPackageTable {
  job_id: number
  fixid: string
}

/** What a client has requested. State and counters of a `live` task are those of its job; an ended task has its own. */
export interface TaskTable {
  id: Generated<number>
  kind: string
  /** `live`, `completed`, `failed`, `canceled`. */
  state: string
  job_id: number
  packages_done: Generated<number>
  packages_total: Generated<number>
  bytes_done: Generated<number>
  bytes_total: Generated<number>
  created_by: string
  created_at: number
  finished_at: number | null
  /** Increases with every task that ends, and is never used again; null while the task is live. */
  end_number: Generated<number | null>
}

/** One row: the greatest `end_number` that was used. */
interface TaskCountTable {
  ended: number
}

interface TaskMessageTable {
  task_id: number
  position: number
  message_id: string
  text: string
  explanation: string
  recovery: string
}

export interface UserTable {
  id: Generated<number>
  name: string
  role: string
  /** See `password.ts`. */
  password_hash: string
  /** Increases with every change of the password. */
  version: Generated<number>
  created_at: number
  password_changed_at: number
}

export interface TokenTable {
  id: string
  user_id: number
  name: string
  role: string
  secret_hash: string
  created_at: number
  /** Null: the token does not expire. */
  expires_at: number | null
  last_used_at: number | null
}

/** Recent failed logins. */
export interface LoginFailureTable {
  /** A hash of user and address, or of an address. */
  key: string
  failures: number
  failed_at: number
}

export interface SessionTable {
  id: string
  /** Hash of the secret in the cookie. */
  secret_hash: string
  user_id: number
  user_name: string
  address: string
  created_at: number
  last_used_at: number
}

/** One row: the UUID of this depot. */
interface IdentityTable {
  id: number
  uuid: string
}

/** Append-only; see AuditRecord. */
export interface AuditTable {
  number: number
  /** ISO 8601 in UTC, which sorts as text. */
  time: string
  user: string
  credential: string
  address: string
  request_id: string
  action: string
  /** A JSON array of texts. */
  targets: string
  status: number
  problem: string
  count: number
  previous_hash: string
  hash: string
}

/** A server on this database. */
export interface ServerTable {
  /** The owner of its leases; new with each start. */
  id: string
  /** Identifies its data directory; the same after each start. */
  node: string
  /** Identifies the storage of its archives. */
  archives: string
  /** Increases while the server is alive. */
  heartbeat: number
}

/** A running upload. */
interface UploadTable {
  directory: string
  /** The server that receives it. */
  owner: string
  /** Needed in addition to the reservation of its job. */
  bytes: number
}
