"""The words of workbooks, in English and Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "ja"]

WORDS: Mapping[str, tuple[str, str]] = {
    # sheets
    "approval": ("Approval", "決裁"),
    "inputs": ("Inputs", "前提"),
    "nodes": ("Nodes", "ノード"),
    "costs": ("Costs", "費用内訳"),
    "cash": ("Cash", "支払月別"),
    "sources": ("Sources", "出典"),
    "quote": ("Quote", "見積依頼"),
    # approval
    "status": ("Status", "状態"),
    "warnings": ("To know before you sign", "署名前に確認すること"),
    "cost_per_month": ("Cost a month", "月額費用"),
    "cost_per_month_usd": ("Cost a month, US dollars", "月額費用（米ドル）"),
    "purchases": ("Purchases in all", "購入額（合計）"),
    "purchases_first_year": ("Purchases in the first 12 months", "購入額（最初の12か月）"),
    "cash_total": ("Cash over all months", "支払総額"),
    "budget_per_month": ("Budget a month", "月額予算"),
    "budget_used": ("Budget used", "予算消化率"),
    "million_demand": ("A million output tokens, at the real demand", "出力100万トークン（実需要）"),
    "million_peak": ("A million output tokens, at the full peak around the clock", "出力100万トークン（常時ピーク）"),
    "years": ("Cash by fiscal year", "会計年度別支払額"),
    "year": ("Fiscal year", "会計年度"),
    "upfront": ("Upfront for terms", "期間前払い"),
    "running": ("Running", "経常費用"),
    "commitments": ("Commitments signed for", "契約上の確約額"),
    "term_months": ("Months", "契約月数"),
    "amount": ("Amount", "金額"),
    "ends": ("Until", "終了月"),
    "total": ("Total", "合計"),
    # inputs
    "input": ("Input", "項目"),
    "value": ("Value", "値"),
    "note": ("Note", "備考"),
    "currency": ("Currency", "通貨"),
    "fx": ("Units of it for one US dollar", "1米ドルあたり"),
    "hours": ("Hours in a month", "1か月の時間数"),
    "horizon": ("Months", "期間（月）"),
    "start_year": ("First month: year", "開始年"),
    "start_month": ("First month: month", "開始月"),
    "fiscal_month": ("Month in which the fiscal year begins", "会計年度の開始月"),
    "tax": ("Consumption tax in the cash", "消費税率（支払額に加算）"),
    "budget": ("Budget a month", "月額予算"),
    "contracts_usd": ("Contracts with providers, US dollars a month", "事業者契約の固定費（米ドル/月）"),
    "tokens_demand": ("Output tokens a month, real demand", "月間出力トークン数（実需要）"),
    "tokens_peak": ("Output tokens a month, full peak around the clock", "月間出力トークン数（常時ピーク）"),
    "blue": ("Blue figures were put in; black ones are worked out.", "青字は入力値、黒字は計算値です。"),
    # nodes
    "offer": ("Offer", "オファー"),
    "gpu": ("GPU", "GPU"),
    "gpus": ("GPUs in each", "GPU数/台"),
    "kind": ("Kind", "区分"),
    "provider": ("Provider", "事業者"),
    "region": ("Place", "場所"),
    "count": ("Nodes", "台数"),
    "usd_hour": ("US dollars an hour each", "米ドル/時・台"),
    "hours_each": ("Hours a month each", "稼働時間/月・台"),
    "usd_month": ("US dollars a month", "米ドル/月"),
    "month": ("A month", "月額"),
    "first_usd": ("Paid at once each, US dollars", "一時払い/台（米ドル）"),
    "monthly_usd": ("Paid monthly each, US dollars", "月払い/台（米ドル）"),
    "untaxed_usd": ("Of it without tax", "うち不課税"),
    "period": ("Months of a life or term", "耐用・契約月数"),
    "owned": ("Bought", "購入"),
    "as_of": ("Price of", "価格時点"),
    "evidence": ("Evidence", "根拠"),
    "source": ("Source", "出典"),
    "lines": ("US dollars a month each, by line", "1台あたり月額内訳（米ドル）"),
    "check": ("Nodes and contracts less lines (0)", "ノード計と内訳計の差（0）"),
    # cash
    "number": ("Month", "月次"),
    "calendar": ("Calendar month", "年月"),
    "cash_month": ("Cash", "支払額"),
    "cumulated": ("Cumulated", "累計"),
    # quote
    "line": ("Line", "行"),
    "what": ("What", "品目"),
    "unit_price": ("Price of one, without tax", "単価（税抜）"),
    "price_currency": ("Currency", "通貨"),
    "price_per": ("Per (once, hour or month)", "単位（once / hour / month）"),
    "supplier": ("Supplier", "見積先"),
    "quote_number": ("Quote number", "見積番号"),
    "quote_date": ("Date (YYYY-MM-DD)", "見積日（YYYY-MM-DD）"),
    "valid_until": ("Valid until (YYYY-MM-DD)", "有効期限（YYYY-MM-DD）"),
    "lead_time": ("Delivery, weeks", "納期（週）"),
    "support_until": ("Support until (YYYY-MM)", "保守終了（YYYY-MM）"),
    "remarks": ("Remarks", "備考"),
    "fill": ("Please fill in the columns from the price on; leave blank what is not known.",
             "単価以降の列に記入してください。不明な欄は空白のままで結構です。"),
}
"""Key -> English, Japanese."""


def words_of(language: Language) -> dict[str, str]:
    """Return all words in a language."""
    return {key: pair[0 if language == "en" else 1] for key, pair in WORDS.items()}
