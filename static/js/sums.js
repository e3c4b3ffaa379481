/* A budget that adds up while it is typed. The server adds up the same way and has the last word (grants/budgets/rules.py);
   all amounts are whole minor units in BigInt, so that no cent is lost on the way. */

/** The text as [digits, decimals], read as the server reads it: "1 234,50", "1,234.50"; null when it is no number. */
export function numberTyped(text, language) {
  const bare = text.replace(/[\s\u00a0\u202f]/g, "");
  const found = /^([-−]?)(\d[\d.,]*)$/.exec(bare);
  if (!found || bare.length > 40) return null;
  const digits = found[2];
  const count = (sign) => digits.split(sign).length - 1;
  let decimal;
  if (count(".") && count(",")) decimal = digits.lastIndexOf(",") > digits.lastIndexOf(".") ? "," : ".";
  else if (count(".") > 1 || count(",") > 1) decimal = count(".") ? "," : ".";
  else if (count(".") + count(",") === 1 && !/^[1-9]\d{0,2}[.,]\d{3}$/.test(digits)) decimal = count(".") ? "." : ",";
  else decimal = { en: ".", es: "," }[language] ?? (count(".") ? "." : ",");
  const [whole, ...rest] = digits.split(decimal);
  if (rest.length > 1 || !/^\d*$/.test(rest[0] ?? "")) return null;
  const group = decimal === "." ? "," : ".";
  if (whole.includes(group) ? !/^\d{1,3}([.,]\d{3})+$/.test(whole) : !/^\d+$/.test(whole)) return null;
  const plain = whole.replaceAll(group, "") + (rest[0] ?? "");
  return { digits: BigInt((found[1] ? "-" : "") + plain), decimals: (rest[0] ?? "").length };
}

const power = (decimals) => 10n ** BigInt(decimals);

/** An amount in minor units; nothing when it has more decimals than its currency, as on the server. */
function minor(number, decimals) {
  if (!number) return 0n;
  let { digits, decimals: given } = number;
  while (given > decimals && digits % 10n === 0n) [digits, given] = [digits / 10n, given - 1];
  return given > decimals ? 0n : digits * power(decimals - given);
}

/** Quantity times unit cost in minor units, halves upwards. */
function product(quantity, cost, decimals) {
  if (!quantity || !cost) return 0n;
  const exact = quantity.digits * cost.digits;
  const more = quantity.decimals + cost.decimals - decimals;
  if (more <= 0) return exact * power(-more);
  const step = power(more);
  const half = (exact < 0n ? -exact : exact) * 2n + step;
  return (exact < 0n ? -1n : 1n) * (half / (2n * step));
}

class Sums {
  constructor(place) {
    this.place = place;
    this.table = document.getElementById(place.dataset.sums);
    [this.before, this.after, this.group, this.point, this.decimals] = JSON.parse(place.dataset.signs);
    this.language = document.documentElement.lang;
  }

  written(amount) {
    const sign = amount < 0n ? "-" : "";
    const digits = String(amount < 0n ? -amount : amount).padStart(this.decimals + 1, "0");
    const whole = digits.slice(0, digits.length - this.decimals).replace(/\B(?=(\d{3})+$)/g, this.group);
    const rest = this.decimals ? digits.slice(-this.decimals) : "";
    return sign + this.before + whole + (/[1-9]/.test(rest) ? this.point + rest : "") + this.after;
  }

  lines() {
    const lines = new Map();
    for (const control of this.table.querySelectorAll("input[name], select[name], textarea[name]")) {
      const [, number, column] = /-(\d+)-([a-z_]+)$/.exec(control.name) ?? [];
      if (!column) continue;
      if (control.type === "radio" && !control.checked) continue;
      if (!lines.has(number)) lines.set(number, { control });
      lines.get(number)[column] = control.value;
    }
    return lines.values();
  }

  figures() {
    const rows = [...this.place.querySelectorAll("[data-heading]")];
    const sums = new Map(rows.map((row) => [row.dataset.heading, { total: 0n, requested: 0n, others: 0n }]));
    const payers = new Map([[this.place.dataset.grant, 0n]]);
    for (const line of this.lines()) {
      const read = (column) => numberTyped(line[column] ?? "", this.language);
      const total = "total" in line ? minor(read("total"), this.decimals) : product(read("quantity"), read("unit_cost"), this.decimals);
      const requested = minor(read("requested"), this.decimals);
      const known = "total" in line ? read("total") : read("quantity") && read("unit_cost");
      const others = "cofinancing" in line ? minor(read("cofinancing"), this.decimals) : known && read("requested") ? total - requested : 0n;
      const heading = sums.get(line.heading);
      if (heading && !rows.find((row) => row.dataset.heading === line.heading).dataset.parts) {
        heading.total += total;
        heading.requested += requested;
        heading.others += others;
      }
      payers.set(this.place.dataset.grant, payers.get(this.place.dataset.grant) + requested);
      if (line.cofinancing_source) {
        payers.set(line.cofinancing_source, (payers.get(line.cofinancing_source) ?? 0n) + others);
      }
      const told = line.control.closest("details")?.querySelector("summary .number");
      if (told) told.textContent = this.written(total);
    }
    for (const row of rows) {
      for (const part of row.dataset.parts?.split(" ") ?? []) {
        for (const name of ["total", "requested", "others"]) sums.get(row.dataset.heading)[name] += sums.get(part)?.[name] ?? 0n;
      }
    }
    return { rows, sums, payers };
  }

  show() {
    const { rows, sums, payers } = this.figures();
    for (const row of rows) {
      const sum = sums.get(row.dataset.heading);
      const cells = row.querySelectorAll("td");
      [sum.total, sum.requested, sum.others].forEach((amount, n) => this.write(cells[n], this.written(amount)));
      if (row.dataset.cap) this.showCap(cells[3], row.dataset.cap, sum, sums, payers);
    }
    for (const place of this.place.querySelectorAll("[data-payer]")) {
      this.write(place, this.written(payers.get(place.dataset.payer) ?? 0n));
    }
  }

  showCap(cell, cap, sum, sums, payers) {
    const [percent, of] = cap.split(" ");
    const share = numberTyped(percent, "en");
    const base = of === "grant" ? payers.get(this.place.dataset.grant) : (sums.get(of)?.total ?? this.named(of, sums));
    const exact = base * share.digits;
    const step = 100n * power(share.decimals);
    const spent = (of === "grant" ? sum.requested : sum.total) * step;
    const most = this.written(exact / step);
    if (spent <= exact) return this.write(cell, most);
    const badge = document.createElement("span");
    badge.className = "badge danger";
    badge.textContent = this.place.dataset.exceeded.replace("…", most);
    if (cell.textContent.trim() !== badge.textContent) cell.replaceChildren(badge);
  }

  /** The figures that are no heading. */
  named(name, sums) {
    if (name !== "direct_costs") return 0n;
    if (sums.has("direct_total")) return sums.get("direct_total").total;
    const direct = [...sums].filter(([key]) => !["contingency", "indirect"].includes(key) && !this.isSum(key));
    return direct.reduce((all, [, one]) => all + one.total, 0n);
  }

  isSum(key) {
    return Boolean(this.place.querySelector(`[data-heading="${CSS.escape(key)}"]`)?.dataset.parts);
  }

  write(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }
}

function addUp(event) {
  const place = event.target.closest?.("[data-table]")?.querySelector("[data-sums]");
  if (place) new Sums(place).show();
}

document.addEventListener("input", addUp);
document.addEventListener("change", addUp);
