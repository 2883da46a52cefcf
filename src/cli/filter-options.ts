/** Options that say which packages are meant, and what they are to the API. */
import { type Command, InvalidArgumentError, Option } from 'commander'

export interface FilterOptions {
  readonly search?: string
  readonly kind?: string
  readonly latest?: boolean
  /** Undefined: whether or not. */
  readonly downloaded?: boolean
}

export function withFilter(command: Command): Command {
  return command
    .option('--search <text>', 'only those with this in their fixid, name or category')
    .addOption(new Option('--kind <kind>', 'only updates, or system packs').choices(['update', 'system-pack']))
    .option('--latest', 'only the newest of each product line')
    .option('--downloaded', 'only those whose payload is in the repository')
    .option('--no-downloaded', 'only those whose payload is not')
}

/** Parameters of a search. */
export function queryOf({ search, kind, latest, downloaded }: FilterOptions): URLSearchParams {
  const query = new URLSearchParams()
  if (search !== undefined) query.set('q', search)
  if (kind !== undefined) query.set('kind', kind)
  if (latest) query.set('latest', 'true')
  if (downloaded !== undefined) query.set('downloaded', String(downloaded))
  return query
}

/** The filter of an export; undefined when nothing is said. */
export function filterOf(options: FilterOptions, machineTypes: readonly string[]): object | undefined {
  const { search, kind, latest, downloaded } = options
  const filter = {
    ...(search === undefined ? {} : { q: search }),
    ...(kind === undefined ? {} : { kind }),
    ...(machineTypes.length === 0 ? {} : { machineTypes }),
    ...(latest ? { latest } : {}),
    ...(downloaded === undefined ? {} : { downloaded })
  }
  return Object.keys(filter).length === 0 ? undefined : filter
}

/** @throws InvalidArgumentError */
export function machineType(text: string): string {
  if (!/^[A-Za-z0-9]{4}$/.test(text)) throw new InvalidArgumentError('It has four characters, such as 7X05.')
  return text.toUpperCase()
}
