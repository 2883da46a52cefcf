/**
 * Query strings as documentation and clients spell them. Names and enumerated values are matched without regard to
 * case, singular is plural, and a list may be repeated or parted by commas. What comes out has one spelling, which the
 * schemas check and the documentation shows; parameters that nobody knows pass through and are ignored.
 */
import { Problem } from '../../core/problems/problem.ts'

export type LenientQuery = Record<string, string>

// Maps, since a parameter may be called `constructor`.
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

/** Named without a value it is set. */
const flag = (value: string) => (value === '' ? 'true' : value.toLowerCase())

/** The one spelling of each value that is enumerated, by its lower-case form. */
const VALUES: ReadonlyMap<string, (value: string) => string> = mapOf({
  action: (value) => (value.toLowerCase() === 'refreshthenacquire' ? 'refreshThenAcquire' : value.toLowerCase()),
  dryRun: flag,
  replace: flag,
  key: (value) => KEYS.find((key) => key.toLowerCase() === value.toLowerCase()) ?? value,
  with: (value) => value.toLowerCase(),
  filetypes: (value) => (value.toLowerCase() === 'payload' ? 'payloads' : value.toLowerCase()),
  taskType: (value) => (value.toUpperCase() === 'AQUIRECATALOG' ? 'ACQUIRECATALOG' : value.toUpperCase())
})

/** Parameters that stand for a list. */
const LISTS: ReadonlySet<string> = new Set(['mt'])

/**
 * The query in its one spelling.
 * @param given as Fastify parses it: a repeated parameter is an array, a flag an empty string
 * @throws Problem when one parameter is given twice with different values
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
 * The body with the names of its attributes in their one spelling; what is not an object is left to the schema. An
 * attribute that is null is not there: so an older Ruby client sends what it was not given.
 */
export function lenientBody(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  const attributes = Object.entries(given).filter(([, value]) => value !== null)
  return Object.fromEntries(attributes.map(([name, value]) => [BODY_NAMES.get(name.toLowerCase()) ?? name, value]))
}

/** The items of a list parted by commas, each once. */
export function listItems(text: string | undefined): string[] {
  const items = (text ?? '').split(',').map((item) => item.trim())
  return [...new Set(items.filter((item) => item !== ''))]
}

function mapOf<Value>(object: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(object))
}
