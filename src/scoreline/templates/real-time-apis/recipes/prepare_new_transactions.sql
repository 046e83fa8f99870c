SELECT
    new_transactions.transaction_id,
    new_transactions.authorized_flag,
    new_transactions.purchase_date,
    new_transactions.card_id,
    new_transactions.merchant_id,
    new_transactions.merchant_category_id,
    new_transactions.item_category,
    new_transactions.purchase_amount,
    new_transactions.signature_provided,
    merchant_info.subsector_description AS merchant_subsector_description,
    merchant_info.state AS merchant_state,
    cardholder_info.reward_program AS card_reward_program,
    cardholder_info.fico_score AS card_fico_score,
    cardholder_info.age AS card_age
FROM new_transactions
LEFT JOIN merchant_info USING (merchant_id)
LEFT JOIN cardholder_info ON cardholder_info.internal_card_mapping = new_transactions.card_id
WHERE new_transactions.purchase_date >= ${new_from}
ORDER BY new_transactions.transaction_id
