interface Named {
  readonly name: string;
  readonly type: string;
}

const most = 0xffff;

/**
 * Numbers for policies that stay the same when a reload changes the list of policies, so that decisions made before can
 * still be told. 0 is none.
 */
export class PolicyNames {
  readonly #known: Named[] = [];
  readonly #numbers = new Map<string, number>();

  /** For each policy its number. Beyond 65,535 names over the life of the buffer, new ones go unnamed. */
  numbersOf(policies: readonly Named[]): number[] {
    return policies.map(({ name, type }) => {
      const key = JSON.stringify([name, type]);
      let number = this.#numbers.get(key);
      if (number === undefined) {
        if (this.#known.length === most) return 0;
        number = this.#known.push({ name, type });
        this.#numbers.set(key, number);
      }
      return number;
    });
  }

  nameOf(number: number): string | undefined {
    return this.#known[number - 1]?.name;
  }
}
