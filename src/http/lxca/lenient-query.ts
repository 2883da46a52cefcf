/**
 * Normalises query strings as Lenovo's documentation and clients spell them. Names and enumerated values are not
 * case-sensitive, singular equals plural, and lists can be repeated or comma-separated. The result has one spelling,
 * which the schemas check and the OpenAPI document shows; unknown parameters are kept and ignored.
 */
import { Problem } from '../../core/problems/problem.ts'

export type LenientQuery = Record<string, string>

// Maps, since a parameter can be named `constructor`.
const NAMES: ReadonlyMap<string, string> = mapOf({
  action: 'action',
  key: 'key',
  mt: 'mt',
  mts: 'mt',
  with: 'with',
  filetype: 'filetypes',
  filetypes: 'filetypes',
  tasktype: 'taskType',
  taskid: 'taskid',
  jobid: 'jobid',
  replace: 'replace',
  taskids: 'taskid',
  exportrepofilename: 'exportRepoFilename',
  payload: 'payload',
  payloads: 'payload',
  updates: 'updates',
  dryrun: 'dryRun'
})

const BODY_NAMES: ReadonlyMap<string, string> = mapOf({
  fixids: 'fixids',
  mt: 'mt',
  os: 'os',
  type: 'type',
  cleanupif: 'cleanUpIf',
  files: 'files',
  file: 'file',
  name: 'name',
  size: 'size',
  index: 'index',
  userid: 'UserId',
  password: 'password'
})

const KEYS = [
  'updates',
  'updatesByMt',
  'updatesByMtByComp',
  'supportedMts',
  'size',
  'lastRefreshed',
  'importDir',
  'publicKeys',
  'export',
  'uxsps',
  'uxspsByMt'
]

/** A flag without a value is true. */
const flag = (value: string) => (value === '' ? 'true' : value.toLowerCase())

/** Normalises the values of a parameter. */
const VALUES: ReadonlyMap<string, (value: string) => string> = mapOf({
  action: (value) => (value.toLowerCase() === 'refreshthenacquire' ? 'refreshThenAcquire' : value.toLowerCase()),
  dryRun: flag,
  replace: flag,
  key: (value) => KEYS.find((key) => key.toLowerCase() === value.toLowerCase()) ?? value,
  with: (value) => value.toLowerCase(),
  filetypes: (value) => (value.toLowerCase() === 'payload' ? 'payloads' : value.toLowerCase()),
  taskType: (value) => (value.toUpperCase() === 'AQUIRECATALOG' ? 'ACQUIRECATALOG' : value.toUpperCase())
})

/** Parameters that are lists. */
const LISTS: ReadonlySet<string> = new Set(['mt'])

/**
 * The normalised query.
 * @param given as Fastify parses it: a repeated parameter is an array, a flag is an empty string
 * @throws Problem PARAMETER_INVALID when a parameter that is not a list occurs twice with different values
 */
export function lenientQuery(given: Readonly<Record<string, string | string[] | undefined>>): LenientQuery {
  const query: LenientQuery = Object.create(null)
  for (const [givenName, values] of Object.entries(given)) {
    const name = NAMES.get(givenName.toLowerCase()) ?? givenName
    for (const raw of [values ?? ''].flat()) {
      const value = VALUES.get(name)?.(raw.trim()) ?? raw
      const known = query[name]
      if (known === undefined || known === value) query[name] = value
      else if (LISTS.has(name)) query[name] = `${known},${value}`
      else if (VALUES.has(name) || name === 'taskid' || name === 'jobid' || name === 'exportRepoFilename') {
        throw new Problem('PARAMETER_INVALID', `The parameter ${name} is given twice, as ${known} and as ${value}.`)
      }
    }
  }
  return query
}

/**
 * The body with normalised attribute names; a body that is not an object is left to the schema. Attributes that are
 * null are removed: an older Ruby client sends null for unset attributes.
 */
export function lenientBody(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  const attributes = Object.entries(given).filter(([, value]) => value !== null)
  return Object.fromEntries(attributes.map(([name, value]) => [BODY_NAMES.get(name.toLowerCase()) ?? name, value]))
}

/** The items of a comma-separated list, each once. */
export function listItems(text: string | undefined): string[] {
  const items = (text ?? '').split(',').map((item) => item.trim())
  return [...new Set(items.filter((item) => item !== ''))]
}

function mapOf<Value>(object: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(object))
}
