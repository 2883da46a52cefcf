/** The tables as Kysely sees them; the newest migration and this file agree. Rows never leave `store`. */
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

/** One row: when the repository was last read, and whether the packages are made of the newest readings. */
interface CatalogTable {
  id: number
  read_at: number | null
  is_current: number
  /** How many deletions of packages there were. */
  deletions: Generated<number>
}

/** What was found in a file when it was last read; valid while the file's stamp stays the same. */
interface FileIndexTable {
  path: string
  /** Size, time of change in nanoseconds, inode. */
  stamp: string
  crc32: number
  sha256: string
  /** JSON of what a metadata file says; null for other files. */
  contents: string | null
  /** Which version of the metadata reader read it. */
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
  /** The file that describes it. */
  metadata_path: string
  /** Packages of one line replace each other; the greatest version key is the latest. */
  product_line: string
  version_key: string
  /** Changes whenever anything of the package or its files does. */
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

/** A fixid that a package names; the package it means may not be in the repository. */
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
  /** When the archive may be removed, or the plan of one that is not packed. */
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

/** What a worker does; one or several tasks wait for it. */
export interface JobTable {
  id: Generated<number>
  kind: string
  /** `open`: an import that waits for its files. `queued`, `running`, `ended`. */
  state: string
  plan_id: number | null
  packages_done: Generated<number>
  packages_total: Generated<number>
  bytes_done: Generated<number>
  bytes_total: Generated<number>
  /** Up to where the archive is on the disk; see Checkpoint. */
  checkpoint_offset: Generated<number>
  checkpoint_position: Generated<number>
  checkpoint_crc32: Generated<number>
  /** The process that runs it. */
  lease_owner: Generated<string | null>
  /** Grows with every claim: a worker whose token is not the newest one has lost the work. */
  lease_token: Generated<number>
  /** Grows while the owner lives. */
  lease_heartbeat: Generated<number>
  /** How many workers died while they ran it. */
  crashes: Generated<number>
  /** When it was first claimed. */
  started_at: number | null
  /** When it was last claimed, and how far it was then. */
  run_started_at: Generated<number | null>
  run_started_bytes: Generated<number>
}

/** What an import is made of; gone as soon as it has ended. */
export interface ImportJobTable {
  job_id: number
  /** Where its files are, relative to the directory of incoming files. */
  directory: string
  is_replacing: number
  /** While it is open: until when it waits for its files. */
  expires_at: number | null
}

/** A file that an import has, or waits for: then what is known of its content is null. */
interface ImportFileTable {
  job_id: number
  name: string
  announced_size: number
  size: number | null
  crc32: number | null
  sha256: string | null
}

/**
 * What an import is about to change; once this is here, the import is ended by making these changes. See ImportChange.
 */
interface ImportChangeTable {
  job_id: number
  position: number
  path: string
  staged: string | null
}

/** A package that gets other files by the changes of an import. */
interface ImportPackageTable {
  job_id: number
  fixid: string
}

/**
 * What a caller asked for. While it is `live`, its work tells the state and the counters; here is what they were at its
 * end.
 */
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
  /** Grows with every task that ends, and is never used again; null before the task ends. */
  end_number: Generated<number | null>
}

/** One row: the greatest `end_number` that was given. */
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
  /** Grows with every change of the password. */
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
  /** Null: never. */
  expires_at: number | null
  last_used_at: number | null
}

/** Whoever has failed to log in lately. */
export interface LoginFailureTable {
  /** A hash of user and address, or of an address. */
  key: string
  failures: number
  failed_at: number
}

export interface SessionTable {
  id: string
  /** Hash of what the cookie has beside the id. */
  secret_hash: string
  user_id: number
  user_name: string
  address: string
  created_at: number
  last_used_at: number
}

/** One row: the name of this depot among others. */
interface IdentityTable {
  id: number
  uuid: string
}

/** Rows are only ever added, at the end; see AuditRecord. */
export interface AuditTable {
  number: number
  /** ISO 8601, UTC, so that it sorts as text. */
  time: string
  user: string
  credential: string
  address: string
  request_id: string
  action: string
  /** JSON: a list of texts. */
  targets: string
  status: number
  problem: string
  count: number
  previous_hash: string
  hash: string
}

/** One of the servers that share the database. */
export interface ServerTable {
  /** The owner of its leases; another one after each start. */
  id: string
  /** Of its data directory; the same after each start. */
  node: string
  /** Names the place that it has its archives in. */
  archives: string
  /** Grows while the server lives. */
  heartbeat: number
}

/** An upload that is under way. */
interface UploadTable {
  directory: string
  /** The server that receives it. */
  owner: string
  /** That it needs beside those which its job has reserved. */
  bytes: number
}
